/** AWS's ALB on EKS: three gRPC services behind one Ingress by path prefix, called by Python over one channel. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Examples, type ServerName, startExamples } from "../../examples/services/examples.ts";
import { root } from "../dev/cli.ts";
import { type Mission, type Pem, selfSigned, serviceAt, startMission } from "./mission.ts";

const run = promisify(execFile);
let examples: Examples;
let mission: Mission;
let pem: Pem;

beforeAll(async () => {
  examples = await startExamples({ basePort: 0 });
  mission = await startMission();
  const made = await selfSigned("localhost");
  ({ pem } = made);
  await mission.addCluster("eks", manifests(made.crt, made.key));
});
afterAll(async () => {
  await mission.close();
  await examples.close();
});

const path = (prefix: string, service: string): string => `
          - path: ${prefix}
            pathType: Prefix
            backend:
              service: {name: ${service}, port: {number: 50051}}`;

/** The annotations are those of the AWS Load Balancer Controller's guide to gRPC. */
const manifests = (crt: string, key: string): string => {
  const service = (name: ServerName): string => serviceAt(name, 50051, examples.east[name].port);
  return `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: v1
kind: Secret
metadata: {name: grpc-tls}
type: kubernetes.io/tls
data: {tls.crt: ${crt}, tls.key: ${key}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: grpcserver
  annotations:
    alb.ingress.kubernetes.io/ssl-redirect: "443"
    alb.ingress.kubernetes.io/backend-protocol-version: GRPC
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'
    alb.ingress.kubernetes.io/scheme: internet-facing
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/healthcheck-protocol: HTTP
spec:
  ingressClassName: alb
  tls:
    - secretName: grpc-tls
  rules:
    - http:
        paths:${path("/helloworld.Greeter", "greeter")}${path("/routeguide.RouteGuide", "route-guide")}${path(
          "/keyvaluestore.KeyValueStore",
          "key-value-store",
        )}${path("/grpc.reflection.v1alpha.ServerReflection", "catalog")}
---${service("greeter")}
---${service("route-guide")}
---${service("key-value-store")}
---${service("catalog")}`;
};

test("a Python client calls three services over one channel", async ({ skip }) => {
  const able = await run("python3", ["-c", "import grpc_reflection"]).then(
    () => true,
    () => false,
  );
  if (!able) return skip("python3 has no grpcio-reflection");
  const directory = await mkdtemp(join(tmpdir(), "edgeway-python-"));
  const certificate = join(directory, "localhost.pem");
  await writeFile(certificate, pem.cert);
  const script = join(root, "tests/e2e/route_guide_client.py");
  const { stdout } = await run("python3", [script, String(mission.httpsPort), certificate]);
  await rm(directory, { recursive: true });
  expect(JSON.parse(stdout)).toMatchObject({ points: 2, chat: "second", greeting: "Hello Ada" });
});

test("HTTP is redirected to HTTPS, as the annotation says", async () => {
  const response = await fetch(`http://127.0.0.1:${mission.httpPort}/helloworld.Greeter/SayHello`, {
    redirect: "manual",
  });
  expect(response.status).toBe(301);
  expect(response.headers.get("location")).toMatch(/^https:\/\/127\.0\.0\.1\/helloworld\.Greeter\/SayHello$/);
});
