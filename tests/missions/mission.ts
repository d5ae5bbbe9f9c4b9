/** A Node edge, clusters whose manifests are files, and their agents: each a process of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { run } from "../dev/cli.ts";
import { until } from "../e2e/until.ts";
import { runServe, token } from "../serve/serve.ts";

export interface Mission {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Starts a cluster's agent, and resolves when the edge serves the cluster's table. */
  addCluster(name: string, manifests: string): Promise<void>;
  close(): Promise<void>;
}

export async function startMission(): Promise<Mission> {
  const running = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "edgeway-mission-"));
  running.defer(() => rm(directory, { recursive: true }));
  const serve = running.use(await runServe(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]));
  const [httpPort, httpsPort] = serve.ports as [number, number];

  const addCluster = async (name: string, manifests: string): Promise<void> => {
    const folder = await mkdtemp(join(directory, `${name}-`));
    await writeFile(join(folder, "manifests.yaml"), manifests);
    process.env["EDGEWAY_SYNC_TOKEN"] = token;
    const edge = `http://127.0.0.1:${httpPort}`;
    const options = ["--manifests", folder, "--push-certificates", "--adopt-all"];
    const agent = run("cli/main.ts", "sync", "--edge", edge, "--cluster", name, ...options);
    let exited = false;
    void agent.exited.then(() => (exited = true));
    running.defer(async () => {
      agent.process.kill("SIGTERM");
      await agent.exited;
    });
    const said = (): string => agent.stdout() + agent.stderr();
    await until(() => exited || said().includes(`${name}: revision`), said, 20_000);
    if (exited) throw new Error(`edgeway sync ended: ${said()}`);
  };
  return { httpPort, httpsPort, addCluster, close: () => running.disposeAsync() };
}

/** A self-signed certificate and its key, in base64 as a Secret has them. */
export async function selfSigned(...names: readonly string[]): Promise<{ crt: string; key: string; pem: Pem }> {
  const altNames = names.map((value) => ({ type: 2 as const, value }));
  const made = await generate([{ name: "commonName", value: names[0]! }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames },
    ],
  });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return { crt: base64(made.cert), key: base64(made.private), pem: { cert: made.cert, key: made.private } };
}

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** A Service and the endpoints behind its port, as the cluster's controllers would write them. */
export function serviceAt(
  name: string,
  port: number,
  at: number,
  { namespace = "default", portName = "grpc" } = {},
): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {app: ${name}}
  ports: [{name: ${portName}, port: ${port}, targetPort: ${at}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ${name}-x7k2p
  namespace: ${namespace}
  labels: {kubernetes.io/service-name: ${name}}
addressType: IPv4
ports: [{name: ${portName}, port: ${at}, protocol: TCP}]
endpoints:
  - addresses: [127.0.0.1]
    conditions: {ready: true}
`;
}
