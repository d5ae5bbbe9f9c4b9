/** The Helm chart of the agent: what it makes is what the plain manifests have, and what an API server takes. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { createAuthenticate } from "../../worker/admin/authenticate.ts";
import { parseClusters } from "../../worker/admin/clusters.ts";
import { gatewayApiCrds, missing, startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import { root } from "../dev/cli.ts";
import { findTool } from "../go-tool.ts";
import { blocksOf, commandsOf, read, section } from "./markdown.ts";

const helm = findTool("helm");
const chart = join(root, "kube-sync/deploy/helm/edgeway-kube-sync");
/** What the plain manifests say. */
const values = [
  "edge.url=https://edge.example.com",
  "edge.hostname=edge.example.com",
  "cluster=east",
  "image.tag=latest",
  "classes.gatewayClass=true",
];

async function run(command: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(helm!, [command, ...args])).stdout;
}

/** What is installed by these values, which a helm that Go built takes to be for an old Kubernetes. */
function template(more: readonly string[] = [], release = "kube-sync", namespace = "edgeway-system"): Promise<string> {
  const settings = [...values, ...more].flatMap(set);
  return run("template", release, chart, "--namespace", namespace, "--kube-version", "1.34.0", ...settings);
}

const set = (value: string): string[] => ["--set", value];

interface KubeObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

interface PodSpec {
  readonly containers: readonly {
    readonly env: readonly object[];
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }[];
  readonly volumes: readonly object[];
}

/** Objects by kind and name, without what Helm and the plain manifests label them with. */
function objectsIn(yaml: string): ReadonlyMap<string, KubeObject> {
  const objects = parseAllDocuments(yaml).flatMap((document) => (document.toJS() as KubeObject | null) ?? []);
  return new Map(objects.map((object) => [`${object.kind} ${object.metadata.name}`, unlabelled(object)]));
}

function unlabelled(object: KubeObject): KubeObject {
  const dropped = ["labels", "matchLabels", "imagePullPolicy"];
  return JSON.parse(
    JSON.stringify(object, (key, value: unknown) => (dropped.includes(key) ? undefined : value)),
  ) as KubeObject;
}

function plainManifests(): ReadonlyMap<string, KubeObject> {
  const folder = join(root, "kube-sync/deploy/manifests");
  const texts = ["rbac", "agent", "classes"].map((name) => readFileSync(join(folder, `${name}.yaml`), "utf8"));
  const objects = new Map(objectsIn(texts.join("\n---\n")));
  // Made by `helm install --create-namespace`.
  objects.delete("Namespace edgeway-system");
  return objects;
}

describe.skipIf(helm === undefined)(`the Helm chart${helm === undefined ? " (skipped: there is no helm)" : ""}`, () => {
  test("passes helm lint", async () => {
    expect(await run("lint", "--strict", chart, ...values.flatMap(set))).toContain("0 chart(s) failed");
  });

  test("makes the objects of the plain manifests, with the same rights", async () => {
    const made = objectsIn(await template());
    const plain = plainManifests();
    expect([...made.keys()].toSorted()).toEqual([...plain.keys()].toSorted());
    for (const [name, object] of plain) expect(made.get(name), name).toEqual(object);
  });

  test("mounts a private key or a token from a Secret instead, if told so", async () => {
    const withKey = await template(["identity.keySecret=agent-key"]);
    expect(withKey).toContain("--key-file=/var/run/secrets/edgeway/key.pem");
    expect(withKey).toContain("secretName: agent-key");
    expect(withKey).not.toContain("serviceAccountToken");
    const withToken = await template(["identity.tokenSecret=push-token"]);
    expect(withToken).toContain("--token-file=/var/run/secrets/edgeway/token");
    expect(withToken).toContain("secretName: push-token");
  });

  test.each([
    ["edge.caConfigMap=edge-ca", { configMap: { name: "edge-ca", items: [{ key: "ca.crt", path: "ca.crt" }] } }],
    ["edge.caSecret=edge-ca", { secret: { secretName: "edge-ca", items: [{ key: "ca.crt", path: "ca.crt" }] } }],
  ])("trusts a CA of one's own by %s", async (value, from) => {
    const { spec } = objectsIn(await template([value])).get("Deployment kube-sync")!;
    const { containers, volumes } = (spec as { readonly template: { readonly spec: PodSpec } }).template.spec;
    const [container] = containers;
    const { name, mountPath } = container!.volumeMounts.find((mount) => mount.name === "ca")!;
    expect(container!.env).toContainEqual({ name: "NODE_EXTRA_CA_CERTS", value: `${mountPath}/ca.crt` });
    expect(volumes).toContainEqual({ name, ...from });
  });

  test("gives two releases in one cluster names of their own", async () => {
    const yaml = await template([], "blue", "blue");
    const names = [...objectsIn(yaml).keys()];
    expect(names).toContain("ClusterRole blue-blue-kube-sync");
    expect(names).toContain("Deployment blue-kube-sync");
    expect(yaml).toContain("--leader-election=blue/blue-kube-sync");
  });

  test.each([
    ["edge.url", "edge.url=edge.example.com"],
    ["edge.url", "edge.url=https://edge.example.com/tenant"],
    ["cluster", "cluster=East"],
    ["replicas", "replicas=0"],
    ["edge", "edge.caConfigMap=a,edge.caSecret=b"],
    ["identity", "identity.keySecret=a,identity.tokenSecret=b"],
    ["nothing", "nothing=1"],
  ])("a wrong value of %s is refused by name", async (name, value) => {
    await expect(template([value])).rejects.toThrow(name);
  });

  test("without a URL and a name of the cluster it is not installed", async () => {
    await expect(run("template", "kube-sync", chart)).rejects.toThrow(/url[\s\S]*cluster|cluster[\s\S]*url/);
  });
});

const identities = blocksOf(section(read("docs/install-in-a-cluster.md"), "Identities"));
const absent = helm === undefined ? "there is no helm" : missing;

describe.skipIf(absent !== undefined)(`an API server${absent === undefined ? "" : ` (skipped: ${absent})`}`, () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    await cluster.kubectl(["apply", "--server-side", "-f", gatewayApiCrds]);
    await cluster.kubectl(["create", "namespace", "edgeway-system"]);
    await cluster.kubectl([
      "wait",
      "--for=condition=Established",
      "crd/gatewayclasses.gateway.networking.k8s.io",
      "--timeout=30s",
    ]);
  });
  afterAll(() => cluster.close());

  test("takes every object of the chart", async () => {
    const yaml = await template(["edge.caSecret=edge-ca"]);
    const said = await cluster.kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], yaml);
    const lines = said.trim().split("\n");
    expect(lines).toHaveLength(objectsIn(yaml).size);
    for (const line of lines) expect(line).toMatch(/created \(server dry run\)$/);
  });

  test("selects Events by the agent's name as the chart's notes do", async () => {
    const notes = readFileSync(join(chart, "templates/NOTES.txt"), "utf8");
    const [, args] = /^ {2}kubectl (get events .*)$/m.exec(notes) ?? [];
    await expect(cluster.kubectl(args!.split(" "))).resolves.toBeDefined();
  });

  test("signs tokens for the chart's ServiceAccount that an edge knows by the list that the guide shows", async () => {
    await cluster.apply(await template());
    const commands = identities
      .flatMap(({ text }) => commandsOf(text))
      .filter((line) => line.startsWith("kubectl get"));
    const [discovery, jwks] = await Promise.all(
      commands.map(async (line) => JSON.parse(await cluster.kubectl(line.split(" ").slice(1))) as object),
    );
    const [entry] = JSON.parse(identities.find(({ text }) => text.includes('"jwks"'))!.text) as [object];
    const { issuer } = discovery as { readonly issuer: string };
    const clusters = parseClusters(JSON.stringify([{ ...entry, issuer, jwks }]));
    const authenticate = createAuthenticate({ syncToken: undefined, clusters, now: Date.now, fetch })!;
    const token = (audience: string) =>
      cluster.kubectl(["create", "token", "kube-sync", "-n", "edgeway-system", `--audience=${audience}`]);
    expect(await authenticate(`Bearer ${(await token("edgeway")).trim()}`)).toMatchObject({ cluster: "east" });
    await expect(authenticate(`Bearer ${(await token("other")).trim()}`)).rejects.toThrow();
  });
});
