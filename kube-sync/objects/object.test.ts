import { expect, test } from "vitest";
import { readObject } from "./object.ts";

const KINDS: readonly (readonly [string, string])[] = [
  ["networking.k8s.io/v1", "Ingress"],
  ["networking.k8s.io/v1", "IngressClass"],
  ["gateway.networking.k8s.io/v1", "HTTPRoute"],
  ["gateway.networking.k8s.io/v1", "GRPCRoute"],
  ["gateway.networking.k8s.io/v1", "Gateway"],
  ["gateway.networking.k8s.io/v1", "GatewayClass"],
  ["gateway.networking.k8s.io/v1beta1", "ReferenceGrant"],
  ["gateway.networking.k8s.io/v1", "BackendTLSPolicy"],
  ["v1", "Service"],
  ["v1", "Secret"],
  ["v1", "Namespace"],
  ["discovery.k8s.io/v1", "EndpointSlice"],
  ["networking.istio.io/v1", "Gateway"],
  ["networking.istio.io/v1beta1", "VirtualService"],
  ["networking.istio.io/v1alpha3", "DestinationRule"],
  ["alibabacloud.com/v1", "AlbConfig"],
  ["cloud.google.com/v1", "BackendConfig"],
  ["networking.gke.io/v1beta1", "FrontendConfig"],
  ["security.istio.io/v1", "AuthorizationPolicy"],
  ["security.istio.io/v1", "RequestAuthentication"],
  ["gateway.envoyproxy.io/v1alpha1", "SecurityPolicy"],
  ["networking.gke.io/v1", "GCPBackendPolicy"],
  ["elbv2.k8s.aws/v1beta1", "IngressClassParams"],
];

const FIELDS = [
  "spec",
  "targetRefs",
  "selector",
  "rules",
  "http",
  "paths",
  "path",
  "backend",
  "listeners",
  "tls",
  "hosts",
  "servers",
  "match",
  "route",
  "headers",
  "trafficPolicy",
  "subsets",
  "matches",
  "ports",
  "from",
];

/** A value that some program might have written, made from a seed. */
function junk(random: () => number, depth: number): unknown {
  const leaf = [null, "", "text", 0, -1, 1.5, true, "*.", "/", undefined];
  const choice = Math.floor(random() * 4);
  if (depth === 0 || choice < 2) return leaf[Math.floor(random() * leaf.length)];
  const items = Array.from({ length: 3 }, () => junk(random, depth - 1));
  if (choice === 2) return items;
  return Object.fromEntries(items.map((item) => [FIELDS[Math.floor(random() * FIELDS.length)], item]));
}

test("nothing that a document can hold makes reading throw", () => {
  let state = 7;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < 2_000; i++) {
    const [apiVersion, kind] = KINDS[i % KINDS.length]!;
    const body = { spec: junk(random, 6), data: junk(random, 2), endpoints: junk(random, 3), status: junk(random, 3) };
    const reading = readObject({ apiVersion, kind, metadata: { name: "x" }, ...body });
    expect(reading.object === undefined).toBe(reading.problems.some(({ level }) => level === "error"));
    readObject(junk(random, 4));
  }
});

test("a problem says which field it is about, from the object's root", () => {
  const { problems, object, ref } = readObject(
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "web", namespace: "shop", annotations: { "a.b/c": 1 } },
      spec: {
        rules: [
          {
            http: {
              paths: [
                { path: "/", pathType: "Exact" },
                { path: 1, pathType: "exact" },
              ],
            },
          },
        ],
      },
    },
    "web.yaml",
  );
  expect(object).toBeUndefined();
  expect(ref).toEqual({ kind: "Ingress", namespace: "shop", name: "web", file: "web.yaml" });
  expect(problems.map(({ field }) => field)).toEqual([
    'metadata.annotations["a.b/c"]',
    "spec.rules[0].http.paths[0].backend",
    "spec.rules[0].http.paths[1].path",
    "spec.rules[0].http.paths[1].pathType",
    "spec.rules[0].http.paths[1].backend",
  ]);
});

test("an Istio Gateway is not taken for a Gateway API one", () => {
  const { object, ref } = readObject({
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: "mesh" },
    spec: { servers: [] },
  });
  expect([object?.kind, ref.kind]).toEqual(["IstioGateway", "IstioGateway"]);
});

test("a creation time is read as Unix seconds, and is 0 in a manifest that has none", () => {
  const namespace = { apiVersion: "v1", kind: "Namespace" };
  const given = readObject({ ...namespace, metadata: { name: "a", creationTimestamp: "2026-11-01T10:00:00Z" } });
  expect(given.object?.metadata.createdSeconds).toBe(1_793_527_200);
  const absent = readObject({ ...namespace, metadata: { name: "a", creationTimestamp: null } });
  expect(absent.object?.metadata.createdSeconds).toBe(0);
});
