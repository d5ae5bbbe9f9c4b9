import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { explainTarget } from "./explain.ts";
import { parseTarget } from "./target.ts";

const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: edge }
spec: { controllerName: edgeway.dev/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec: { gatewayClassName: edge, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: echo, namespace: default }
spec:
  parentRefs: [{ name: edge }]
  rules:
    - matches: [{ method: { service: a.Echo }, headers: [{ name: env, value: two }] }]
      backendRefs: [{ name: two, port: 80 }]
    - matches: [{ method: { service: a.Echo } }]
      backendRefs: [{ name: one, port: 80, weight: 3 }, { name: two, port: 80 }]
`;

const service = (name: string) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default, annotations: { edgeway.dev/origin: "grpc://10.0.0.1:80" } }
spec: { ports: [{ port: 80 }] }
`;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgeway-explain-"));
  await writeFile(join(directory, "all.yaml"), gateway + service("one") + service("two"));
});

afterAll(() => rm(directory, { recursive: true }));

async function explained(target: string, headers: readonly string[] = [], json = false) {
  const said: string[] = [];
  const head = parseTarget(target, { headers, method: undefined, authority: undefined, home: "localhost" });
  const from = { manifests: [{ cluster: "east", directory }] };
  const { output, found } = await explainTarget({ head, from, json, log: (line) => said.push(line) });
  expect(said).toEqual([]);
  return { output, found };
}

test("a call goes where the manifests say, with the shares of the backends", async () => {
  // The listener is for HTTP in the clear.
  const { output, found } = await explained("http://x/a.Echo/Say");
  expect(found).toBe(true);
  expect(output).toBe(`GET http://x/a.Echo/Say
goes by east: GRPCRoute default/echo, rule 1, for any host /a.Echo/(method)
  75 % to east/default/one:80 (grpc)
    at 10.0.0.1:80
  25 % to east/default/two:80 (grpc)
    at 10.0.0.1:80

Other rules of its host:
  east: GRPCRoute default/echo, rule 0, for any host /a.Echo/(method)
    header env is missing, not "two"`);
});

test("the JSON has the winner and every rule's outcome", async () => {
  const { output } = await explained("http://x/a.Echo/Say", ["env: two"], true);
  const { request, winner, rules } = JSON.parse(output);
  expect(request).toMatchObject({ authority: "x", path: "/a.Echo/Say", call: false });
  expect(winner).toMatchObject({ cluster: "east", kind: "GRPCRoute", name: "echo", ruleIndex: 0 });
  expect(winner.backends).toMatchObject([{ backend: "east/default/two:80", weight: 1 }]);
  expect(rules.map(({ ruleIndex, outcome }: Record<string, unknown>) => [ruleIndex, outcome])).toEqual([
    [0, "wins"],
    [1, "loses"],
  ]);
});

test("what no rule takes is said to be taken by none", async () => {
  const { output, found } = await explained("http://x/b");
  expect(found).toBe(false);
  expect(output).toContain("no rule takes it\n\nRules of its host:\n");
});

test("a directory that cannot be read is an error that names it", async () => {
  const head = parseTarget("a/b", { headers: [], method: undefined, authority: undefined, home: "localhost" });
  const from = { manifests: [{ cluster: "east", directory: join(directory, "none") }] };
  await expect(explainTarget({ head, from, json: false, log() {} })).rejects.toThrow("no such directory");
});
