/** The agent in a real cluster: kube-apiserver and etcd, kubectl, a Node edge, and gRPC servers behind it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExampleServer } from "../../examples/services/servers.ts";
import { until } from "../e2e/until.ts";
import { agentKubeconfig, edgeHostname, manifest, startSyncProcess, type SyncProcess } from "./agents.ts";
import {
  albConfigCrd,
  type ControlPlane,
  gatewayApiCrds,
  istioCrds,
  missing,
  startControlPlane,
} from "./control-plane.ts";
import { call, startOrigin, startTestEdge, type TestEdge } from "./edge.ts";
import { albYaml, classesYaml, gatewayYaml, grpcRouteYaml, ingressYaml, istioYaml, serviceYaml } from "./objects.ts";
import { startWire, type Wire } from "./wire.ts";

const UNIMPLEMENTED = 12;

describe.skipIf(missing !== undefined)(
  `an agent in a cluster${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    const running = new AsyncDisposableStack();
    let cluster: ControlPlane;
    let edge: TestEdge;
    let one: ExampleServer;
    let two: ExampleServer;
    let wire: Wire;
    let kubeconfig: string;
    let agent: SyncProcess;

    beforeAll(async () => {
      cluster = await startControlPlane();
      running.defer(() => cluster.close());
      edge = await startTestEdge();
      running.defer(() => edge.close());
      one = await startOrigin("one");
      running.defer(() => one.stop());
      two = await startOrigin("two");
      running.defer(() => two.stop());
      wire = await startWire(cluster.port);
      running.defer(() => wire.close());
      await cluster.apply(classesYaml + serviceYaml("one", one.port) + serviceYaml("two", two.port));
      kubeconfig = await agentKubeconfig(cluster, wire.port);
      agent = await startSyncProcess(kubeconfig, edge);
      running.defer(async () => void (await agent.stop()));
      await until(isReady, () => `it is ready; it said ${agent.said()}`);
    });
    afterAll(() => running.disposeAsync());

    const isReady = async () => (await agent.readyz()).status === 200;

    /** Resolves once calls to `host` end in `expected`, the name of an origin or a gRPC code. */
    async function follows(host: string, expected: string | number, ms?: number): Promise<void> {
      let last: string | number | undefined;
      await until(
        async () => (last = await call(edge, host)) === expected,
        () => `calls to ${host} end in ${expected}, not ${last}; the agent said ${agent.said()}`,
        ms,
      );
    }

    async function get(...args: readonly string[]): Promise<string> {
      return await cluster.kubectl(["get", ...args]);
    }

    test("calls follow an Ingress that is applied, edited and deleted", async () => {
      expect(await call(edge, "ingress.test")).toBe(UNIMPLEMENTED);
      await cluster.apply(ingressYaml("web", "ingress.test", "one"));
      await follows("ingress.test", "one");
      await cluster.apply(ingressYaml("web", "ingress.test", "two"));
      await follows("ingress.test", "two");
      await cluster.apply(serviceYaml("two", one.port));
      await follows("ingress.test", "one");
      await cluster.apply(serviceYaml("two", two.port));
      await follows("ingress.test", "two");
      await cluster.kubectl(["delete", "ingress", "web"]);
      await follows("ingress.test", UNIMPLEMENTED);
    });

    test("an Ingress shows the edge's host name, and no longer when it is another's", async () => {
      await cluster.apply(ingressYaml("shown", "shown.test", "one"));
      const address = () => get("ingress", "shown", "-o", "jsonpath={.status.loadBalancer.ingress[*].hostname}");
      await until(
        async () => (await address()) === edgeHostname,
        () => `it has its address: ${agent.said()}`,
      );
      expect(await get("ingress", "shown")).toContain(edgeHostname);
      await cluster.kubectl(["patch", "ingress", "shown", "--patch", '{"spec":{"ingressClassName":"another"}}']);
      await until(
        async () => (await address()) === "",
        () => `its address is gone: ${agent.said()}`,
      );
    });

    test("kinds that are installed later are picked up", async () => {
      await cluster.define(gatewayApiCrds);
      await cluster.apply(gatewayYaml + grpcRouteYaml("greeter", "gateway.test", "one"));
      await follows("gateway.test", "one", 20_000);
      await cluster.apply(grpcRouteYaml("greeter", "gateway.test", "two"));
      await follows("gateway.test", "two");
    });

    test("statuses say what is served, and since which revision", async () => {
      const wait = (object: string, ...conditions: readonly string[]) =>
        Promise.all(
          conditions.map((condition) =>
            cluster.kubectl(["wait", object, `--for=condition=${condition}`, "--timeout=10s"]),
          ),
        );
      await wait("gatewayclass/edgeway", "Accepted");
      await wait("gateway/edge", "Accepted", "Programmed");
      const gateway = JSON.parse(await get("gateway", "edge", "-o", "json"));
      expect(gateway.status.addresses).toEqual([{ type: "Hostname", value: edgeHostname }]);
      const [listener] = gateway.status.listeners;
      expect(listener).toMatchObject({ name: "http", attachedRoutes: 1 });
      const served = { type: "Programmed", status: "True", message: expect.stringMatching(/as of revision \d+$/) };
      expect(gateway.status.conditions).toContainEqual(expect.objectContaining(served));
      expect(listener.conditions).toContainEqual(expect.objectContaining(served));
      const route = JSON.parse(await get("grpcroute", "greeter", "-o", "json"));
      expect(route.status.parents).toMatchObject([
        {
          controllerName: "edgeway.dev/gateway-controller",
          parentRef: { name: "edge" },
          conditions: [
            { type: "Accepted", status: "True", observedGeneration: route.metadata.generation },
            { type: "ResolvedRefs", status: "True" },
          ],
        },
      ]);
    });

    test("a status that says it already is not written again", async () => {
      const version = () =>
        get("gateway/edge", "gatewayclass/edgeway", "-o", "jsonpath={.items[*].metadata.resourceVersion}");
      const before = await version();
      await cluster.apply(ingressYaml("more", "more.test", "one"));
      await follows("more.test", "one");
      const address = () => get("ingress", "more", "-o", "jsonpath={.status.loadBalancer.ingress[*].hostname}");
      await until(
        async () => (await address()) === edgeHostname,
        () => `it has its address: ${agent.said()}`,
      );
      expect(await version()).toBe(before);
    });

    test("another controller's status of a route stays", async () => {
      const foreign = {
        controllerName: "example.com/other",
        parentRef: { group: "gateway.networking.k8s.io", kind: "Gateway", name: "other" },
        conditions: [
          {
            type: "Accepted",
            status: "True",
            reason: "Accepted",
            message: "",
            lastTransitionTime: "2026-01-01T00:00:00Z",
          },
        ],
      };
      const route = JSON.parse(await get("grpcroute", "greeter", "-o", "json"));
      const status = { parents: [foreign, ...route.status.parents] };
      const patch = ["--subresource=status", "--type=merge", "--patch", JSON.stringify({ status })];
      await cluster.kubectl(["patch", "grpcroute", "greeter", ...patch]);
      await cluster.apply(grpcRouteYaml("greeter", "gateway.test", "nowhere"));
      const parents = async () => JSON.parse(await get("grpcroute", "greeter", "-o", "json")).status.parents;
      await until(
        async () => JSON.stringify(await parents()).includes("BackendNotFound"),
        () => `the new backend is judged: ${agent.said()}`,
      );
      expect(await parents()).toContainEqual(expect.objectContaining(foreign));
      await cluster.apply(grpcRouteYaml("greeter", "gateway.test", "two"));
      await follows("gateway.test", "two");
    });

    test("what could not be kept is an Event of the object", async () => {
      await cluster.apply(ingressYaml("lost", "lost.test", "nowhere"));
      const events = () => cluster.kubectl(["events", "--for", "ingress/lost"]);
      await until(
        async () => (await events()).includes("there is no Service default/nowhere"),
        () => `the Event is there: ${agent.said()}`,
      );
      expect(await cluster.kubectl(["describe", "ingress", "lost"])).toContain("there is no Service default/nowhere");
      await cluster.kubectl(["delete", "ingress", "lost"]);
    });

    test("calls are served while the API server is away, and its changes followed when it is back", async () => {
      await cluster.restart(async () => expect(await call(edge, "gateway.test")).toBe("two"));
      await cluster.apply(grpcRouteYaml("greeter", "gateway.test", "one"));
      await follows("gateway.test", "one");
    });

    test("what changed while the watch was cut is caught up with, without listing anew", async () => {
      await cluster.apply(ingressYaml("cut", "cut.test", "one") + ingressYaml("stays", "stays.test", "one"));
      await follows("cut.test", "one");
      await follows("stays.test", "one");
      const lists = await agent.metric('edgeway_sync_lists_total{kind="Ingress"}');
      wire.cut();
      await cluster.kubectl(["delete", "ingress", "cut"]);
      await cluster.apply(ingressYaml("stays", "stays.test", "two") + ingressYaml("new", "new.test", "two"));
      expect(await call(edge, "cut.test")).toBe("one");
      wire.mend();
      await follows("cut.test", UNIMPLEMENTED, 20_000);
      await follows("stays.test", "two");
      await follows("new.test", "two");
      expect(await agent.metric('edgeway_sync_lists_total{kind="Ingress"}')).toBe(lists);
    });

    test("what changed since a version that the API server has forgotten is caught up with", async () => {
      const lists = await agent.metric('edgeway_sync_lists_total{kind="Ingress"}');
      wire.cut();
      await cluster.kubectl(["delete", "ingress", "stays"]);
      await cluster.apply(ingressYaml("new", "new.test", "one") + ingressYaml("newer", "newer.test", "two"));
      await cluster.compact();
      await cluster.restart();
      wire.mend();
      await follows("stays.test", UNIMPLEMENTED, 40_000);
      await follows("new.test", "one");
      await follows("newer.test", "two");
      expect(await agent.metric('edgeway_sync_lists_total{kind="Ingress"}')).toBeGreaterThan(lists);
    });

    test("a right that is taken away is named, and nothing is taken down for it", async () => {
      const binding = await get("clusterrolebinding", "edgeway-kube-sync", "-o", "yaml");
      await cluster.kubectl(["delete", "clusterrolebinding", "edgeway-kube-sync"]);
      wire.cut();
      wire.mend();
      await until(
        () => agent.said().includes('cannot watch resource "ingresses" in API group "networking.k8s.io"'),
        () => `it says what it may not do; it said ${agent.said()}`,
        20_000,
      );
      expect(await call(edge, "new.test")).toBe("one");
      await cluster.apply(binding.replaceAll(/^ {2}(uid|resourceVersion|creationTimestamp):.*\n/gm, ""));
      await cluster.apply(ingressYaml("new", "new.test", "two"));
      await follows("new.test", "two", 20_000);
    });

    test("of two agents one leads, and the other takes over as soon as it is told to stop", async () => {
      await agent.stop();
      const lease = "--leader-election=edgeway-system/kube-sync";
      const first = await startSyncProcess(kubeconfig, edge, lease);
      const leads = (each: SyncProcess) => async () => (await each.metric("edgeway_sync_leader")) === 1;
      await until(leads(first), () => `the first leads: ${first.said()}`);
      const second = await startSyncProcess(kubeconfig, edge, lease);
      running.defer(async () => void (await second.stop()));
      agent = second;
      await until(isReady, () => `the second is ready, though it does not lead: ${second.said()}`);
      expect(await leads(second)()).toBe(false);
      await cluster.apply(ingressYaml("new", "new.test", "one"));
      await follows("new.test", "one");
      expect(await second.metric('edgeway_sync_pushes_total{outcome="whole"}')).toBe(0);

      expect(await first.stop()).toBe(0);
      const begin = performance.now();
      await until(leads(second), () => `the second leads: ${second.said()}`);
      console.log(`handed over in ${Math.round(performance.now() - begin)} ms`);
      expect(performance.now() - begin).toBeLessThan(4000);
      await cluster.apply(ingressYaml("new", "new.test", "two"));
      await follows("new.test", "two");
    });

    test("the API server takes the agent's manifests, and has no warning", async () => {
      const files = ["-f", manifest("classes.yaml"), "-f", manifest("agent.yaml")];
      const said = await cluster.kubectl(["apply", "--dry-run=server", "--warnings-as-errors", ...files]);
      expect(said).toContain("deployment.apps/kube-sync created (server dry run)");
    });

    test("classes of other controllers are taken where that is asked for, and Istio's objects", async () => {
      await cluster.define(istioCrds, albConfigCrd);
      await cluster.apply(albYaml("alibaba.test", "one") + istioYaml("istio.test", "two"));
      const adopted = await startSyncProcess(kubeconfig, edge, "--cluster=west", "--adopt-class=alb");
      await follows("alibaba.test", "one");
      expect(await call(edge, "istio.test")).toBe(UNIMPLEMENTED);
      expect(await adopted.metric('edgeway_sync_objects{kind="AlbConfig"}')).toBe(1);
      await adopted.stop();
      const all = await startSyncProcess(kubeconfig, edge, "--cluster=west", "--adopt-all");
      await follows("istio.test", "two");
      await all.stop();
    });

    test("nothing more than what its manifests grant is asked for, and no less", async () => {
      expect(agent.said()).not.toContain("forbidden");
      const may = (...args: readonly string[]) =>
        cluster
          .kubectl(["auth", "can-i", ...args, "--as=system:serviceaccount:edgeway-system:kube-sync"])
          .catch(String);
      expect(await may("patch", "ingresses", "--subresource=status")).toContain("yes");
      for (const more of [
        ["update", "ingresses"],
        ["create", "services"],
        ["delete", "secrets"],
        ["get", "pods"],
      ]) {
        expect(await may(...more)).not.toContain("yes");
      }
    });
  },
);
