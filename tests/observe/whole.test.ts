/** The edge as an operator asks about it by the commands: the same on all hosts. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { startWhole, type WholeEdge, wholeHosts } from "./whole.ts";

/** Answers at each of the hostnames by itself; at "", for every host. */
function tableOf(cluster: string, ...hostnames: string[]): MessageInitShape<typeof ClusterTableSchema> {
  const answer = { filter: { case: "directResponse" as const, value: { status: 200, body: cluster } } };
  const routes = hostnames.map((hostname) => ({
    key: `Ingress/default/${hostname}`,
    source: { kind: "Ingress", namespace: "default", name: hostname || "every" },
    hostnames: hostname === "" ? [] : [hostname],
    rules: [{ filters: [answer] }],
  }));
  return { cluster, routes };
}

describe.each(wholeHosts)("on %s", (host) => {
  let edge: WholeEdge;
  beforeAll(async () => {
    edge = await startWhole(host, { grants: { east: ["*.example.org"] } });
  });
  afterAll(() => edge[Symbol.asyncDispose]());

  test("what a cluster is not granted does not count as served, and is named", async () => {
    await edge.push(tableOf("east", "k.example.com", "a.example.org"));
    const { code, out } = await edge.ask("status");
    expect(out).toMatch(/ROUTES +WITHHELD +BACKENDS.*\neast +\d+ +\d+ s ago +\d+ s ago +1 +1 +0 +serves$/m);
    expect(out).toContain(
      'Not served, as the cluster is not granted it:\n  east: Ingress default/k.example.com: "k.example.com"',
    );
    expect(code).toBe(1);
    const explained = await edge.ask("explain", "https://k.example.com/");
    expect(explained).toMatchObject({ code: 1, out: expect.stringContaining("no rule takes it") });
    expect(explained.out).toContain(
      "east has a rule for this host that it is not granted: Ingress default/k.example.com, for k.example.com",
    );
    await edge.push(tableOf("east", "a.example.org"));
    expect((await edge.ask("status")).code).toBe(0);
    expect((await edge.ask("explain", "https://k.example.com/")).out).not.toContain("granted");
  });

  test("a cluster that is heard is not forgotten while it has routes, and is there again when it pushes", async () => {
    await edge.push(tableOf("east", "a.example.org"));
    const refused = await edge.ask("forget", "east");
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(
        /^edgeway forget: \S+ does not forget east: cluster east was heard \d+ s ago, and has routes: stop its agent, .*for 300 s\n$/,
      ),
    ]);
    await edge.push({ cluster: "east" });
    expect(await edge.ask("forget", "east")).toEqual({ code: 0, out: `${edge.url} has forgotten east\n`, err: "" });
    expect((await edge.ask("status")).out).toContain("no cluster has pushed yet");
    expect((await edge.ask("forget", "east")).err).toContain("no cluster east has pushed");
    await edge.push(tableOf("east", "a.example.org"));
    expect(await edge.ask("status")).toMatchObject({ code: 0, out: expect.stringMatching(/^east .* serves$/m) });
  });

  test("a cluster that is drained is said to be, with when it was last heard", async () => {
    await edge.push({ ...tableOf("east", "a.example.org"), lastResort: true });
    const { code, out } = await edge.ask("status");
    expect(out).toMatch(/LAST HEARD.*\neast .* \d+ s ago +\d+ s ago .* drained$/m);
    expect(code).toBe(1);
    const [cluster] = JSON.parse((await edge.ask("status", "--json")).out).clusters;
    expect(cluster).toMatchObject({ drained: true, silent: false, reportedMillis: expect.any(Number) });
  });

  test("an origin that cannot be reached is named, with the calls that failed for it", async () => {
    const origin = { key: "default/gone:1", source: { kind: "Service", namespace: "default", name: "gone" } };
    const endpoints = [{ host: "127.0.0.1", port: 1 }];
    await edge.push({
      cluster: "west",
      backends: [{ ...origin, protocol: OriginProtocol.HTTP1, endpoints }],
      routes: [
        {
          key: "Ingress/default/gone",
          source: { kind: "Ingress", namespace: "default", name: "gone" },
          hostnames: [],
          rules: [{ backends: [{ target: { case: "backend", value: origin.key }, weight: 1 }] }],
        },
      ],
    });
    await expect.poll(async () => (await fetch(`${edge.url}/lost`)).status, { timeout: 5_000 }).toBe(503);
    await expect
      .poll(async () => (await edge.ask("status")).out, { timeout: 10_000 })
      .toMatch(
        /Addresses that get no calls .*:\n {2}west\/default\/gone:1 at 127\.0\.0\.1:1: unreachable\n\nCalls that failed last:\n {2}\d+ s ago, \/lost, west\/default\/gone:1: /,
      );
  });

  test("pushes by nobody that the edge knows are counted", async () => {
    const unknown = new Pusher(connectEdge(edge.url, "none that it knows"));
    expect(await unknown.push(create(ClusterTableSchema, { cluster: "east" }))).toMatchObject({ kind: "failed" });
    expect((await edge.ask("status")).out).toMatch(
      /Pushes that were refused:\n {2}since the edge began: .*\d+ unauthenticated/,
    );
  });

  test("a cluster whose agent is silent is said to be, and is forgotten with its rules", async () => {
    await using short = await startWhole(host, { grants: {}, staleSeconds: 1 });
    const calls = async () => (await fetch(`${short.url}/`)).status;
    await short.push(tableOf("gone", ""));
    await expect.poll(calls, { timeout: 5_000 }).toBe(200);
    await expect
      .poll(async () => (await short.ask("status")).out, { timeout: 10_000 })
      .toMatch(/^gone .* silent for \d+ s$/m);
    await expect.poll(() => short.log(), { timeout: 5_000 }).toContain("cluster gone was not heard for 1 s");
    expect(await short.ask("forget", "gone")).toMatchObject({ code: 0 });
    await expect.poll(calls, { timeout: 5_000 }).toBe(404);
    expect((await short.ask("status")).out).toContain("no cluster has pushed yet");
  });
});
