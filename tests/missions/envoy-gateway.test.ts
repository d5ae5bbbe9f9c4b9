/** Envoy Gateway: an HTTPRoute with a prefix, header modification, 80/20 weights, and a TLS listener. */
import { once } from "node:events";
import { request } from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import { httpEcho } from "../../examples/services/http-echo.ts";
import { type ExampleServer, startHttp } from "../../examples/services/servers.ts";
import { type Mission, selfSigned, serviceAt, startMission } from "./mission.ts";

const host = "www.example.com";
let servers: ExampleServer[];
let mission: Mission;

beforeAll(async () => {
  servers = await Promise.all(["v1", "v2"].map((name) => startHttp(name, 0, () => httpEcho(name))));
  mission = await startMission();
  const { crt, key } = await selfSigned(host);
  await mission.addCluster("demo", manifests(servers.map(({ port }) => port) as [number, number], crt, key));
});
afterAll(async () => {
  await mission.close();
  await Promise.all(servers.map((server) => server.stop()));
});

const manifests = ([v1, v2]: readonly [number, number], crt: string, key: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  listeners:
    - name: https
      protocol: HTTPS
      port: 443
      tls:
        mode: Terminate
        certificateRefs:
          - {kind: Secret, name: example-cert}
---
apiVersion: v1
kind: Secret
metadata: {name: example-cert}
type: kubernetes.io/tls
data: {tls.crt: ${crt}, tls.key: ${key}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: backend}
spec:
  parentRefs:
    - name: eg
  hostnames: ["${host}"]
  rules:
    - matches:
        - path: {type: PathPrefix, value: /get}
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set:
              - {name: x-set, value: "edge"}
            add:
              - {name: x-add, value: "more"}
            remove: ["x-remove"]
        - type: ResponseHeaderModifier
          responseHeaderModifier:
            add:
              - {name: x-answer, value: "edge"}
      backendRefs:
        - {name: backend-v1, port: 3000, weight: 80}
        - {name: backend-v2, port: 3000, weight: 20}
---${serviceAt("backend-v1", 3000, v1, { portName: "http" })}
---${serviceAt("backend-v2", 3000, v2, { portName: "http" })}`;

async function get(path: string, headers: Readonly<Record<string, string>> = {}) {
  const options = { host: "127.0.0.1", port: mission.httpsPort, servername: host, rejectUnauthorized: false };
  const outgoing = request({ ...options, path, headers: { host, ...headers } }).end();
  const [response] = await once(outgoing, "response");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode as number, headers: response.headers, text };
}

test("a path below the prefix reaches a backend with its headers modified, and others reach none", async () => {
  const { status, headers, text } = await get("/get/x?q=1", { "x-set": "mine", "x-add": "one", "x-remove": "me" });
  expect(status).toBe(200);
  expect(headers["x-answer"]).toBe("edge");
  const seen = JSON.parse(text);
  expect(seen).toMatchObject({ path: "/get/x?q=1", host });
  expect(seen.headers["x-set"]).toEqual(["edge"]);
  expect(seen.headers["x-add"]).toEqual(["one", "more"]);
  expect(seen.headers["x-remove"]).toBeUndefined();
  expect((await get("/getting")).status).toBe(404);
});

test("four of five calls go to the first backend", { retry: 1 }, async () => {
  const counts = { v1: 0, v2: 0 };
  for (let i = 0; i < 20; i++) {
    // oxlint-disable-next-line no-await-in-loop -- 20 at a time
    const answers = await Promise.all(Array.from({ length: 20 }, () => get("/get")));
    for (const { text } of answers) counts[JSON.parse(text).cluster as "v1" | "v2"]++;
  }
  // Three standard deviations of 400 calls.
  expect(Math.abs(counts.v1 - 320)).toBeLessThan(24);
});
