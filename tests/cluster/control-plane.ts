/** A real control plane: etcd and kube-apiserver as processes, and kubectl. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { goCache } from "../go-tool.ts";
import { until } from "../e2e/until.ts";

const programs = ["etcd", "kube-apiserver", "kubectl"] as const;

/** Where Go keeps modules; undefined without Go. */
const moduleCache = spawnSync("go", ["env", "GOMODCACHE"], { encoding: "utf8" }).stdout?.trim();

/** Custom Resource Definitions in a Go module, "module@version", as they are in Go's cache. */
function crds(module: string, path: string): string {
  return join(moduleCache ?? "", module, path);
}

export const gatewayApiCrds = crds("sigs.k8s.io/gateway-api@v1.6.3", "config/crd/standard");
export const istioCrds = crds("istio.io/api@v1.31.1", "kubernetes/customresourcedefinitions.gen.yaml");
export const albConfigCrd = fileURLToPath(new URL("albconfig-crd.yaml", import.meta.url));

/** Why there can be no control plane here; undefined if there can be. */
export const missing: string | undefined = (() => {
  const needed = [...programs.map((name) => join(goCache, name)), gatewayApiCrds, istioCrds];
  const absent = needed.find((path) => !existsSync(path));
  return absent && `there is no ${absent}: run tests/cluster/go/build.sh .cache/go/bin`;
})();

export interface ControlPlane {
  readonly port: number;
  /** As the cluster's administrator. */
  readonly kubeconfig: string;
  readonly folder: string;
  /**
   * Runs kubectl as the administrator, with `input` for its stdin, and resolves to what it says.
   * @throws Error with what it says of a failure
   */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Applies YAML. */
  apply(yaml: string): Promise<string>;
  /** Applies Custom Resource Definitions, and waits until their kinds are served. */
  define(...files: readonly string[]): Promise<void>;
  /** Makes etcd forget what was before now. */
  compact(): Promise<void>;
  /** Kills the API server, and once `between` is done starts it again on its port. Resolves when it is ready. */
  restart(between?: () => Promise<void>): Promise<void>;
  /** A kubeconfig for a bearer token, or for the file that holds one, at this server or at a port before it. */
  kubeconfigFor(user: { readonly token: string } | { readonly tokenFile: string }, port?: number): Promise<string>;
  close(): Promise<void>;
}

export async function startControlPlane(): Promise<ControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), "edgeway-cluster-"));
  const running = new AsyncDisposableStack();
  running.defer(() => rm(folder, { recursive: true, maxRetries: 5 }));
  try {
    return await startIn(folder, running);
  } catch (error) {
    await running.disposeAsync();
    throw error;
  }
}

async function startIn(folder: string, running: AsyncDisposableStack): Promise<ControlPlane> {
  const [etcdPort, peerPort, port] = await freePorts(3);
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peers = `http://127.0.0.1:${peerPort}`;
  const etcd = await startProgram(folder, "etcd", [
    `--data-dir=${join(folder, "etcd")}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
  ]);
  running.defer(() => etcd.stop());

  const token = "the-administrator's-token";
  await writeFile(join(folder, "tokens.csv"), `${token},admin,admin,system:masters\n`);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(join(folder, "sa.key"), privateKey.export({ type: "pkcs1", format: "pem" }));
  const startServer = () => startApiServer(folder, port!, etcdUrl);
  let server = await startServer();
  running.defer(() => server.stop());

  const caFile = join(folder, "certs", "apiserver.crt");
  const kubeconfigFor: ControlPlane["kubeconfigFor"] = (user, at = port!) => writeKubeconfig(folder, caFile, at, user);
  const kubeconfig = await kubeconfigFor({ token });
  const kubectl: ControlPlane["kubectl"] = (args, input) => runKubectl(["--kubeconfig", kubeconfig, ...args], input);
  const ready = () => kubectl(["get", "--raw", "/readyz"]).then(Boolean, () => false);
  const isReady = () => until(ready, () => "the API server is ready", 60_000);
  await isReady();
  return {
    port: port!,
    kubeconfig,
    folder,
    kubectl,
    kubeconfigFor,
    apply: (yaml) => kubectl(["apply", "-f", "-"], yaml),
    async define(...files) {
      await kubectl(["apply", "--server-side", ...files.flatMap((file) => ["-f", file])]);
      await kubectl(["wait", "crd", "--all", "--for=condition=Established", "--timeout=30s"]);
    },
    compact: () => compact(etcdUrl),
    async restart(between) {
      await server.stop("SIGKILL");
      try {
        await between?.();
      } finally {
        server = await startServer();
        await isReady();
      }
    },
    close: () => running.disposeAsync(),
  };
}

function startApiServer(folder: string, port: number, etcdUrl: string): Promise<Program> {
  return startProgram(folder, "kube-apiserver", [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--cert-dir=${join(folder, "certs")}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${join(folder, "sa.key")}`,
    `--service-account-signing-key-file=${join(folder, "sa.key")}`,
    `--token-auth-file=${join(folder, "tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--disable-admission-plugins=ServiceAccount",
    "--endpoint-reconciler-type=none",
  ]);
}

interface Program {
  stop(signal?: NodeJS.Signals): Promise<void>;
}

async function startProgram(
  folder: string,
  name: (typeof programs)[number],
  args: readonly string[],
): Promise<Program> {
  const log = createWriteStream(join(folder, `${name}.log`), { flags: "a" });
  const child: ChildProcess = spawn(join(goCache, name), args, { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr!.pipe(log, { end: false });
  await once(child, "spawn");
  const exited = once(child, "exit");
  return {
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const impatient = setTimeout(() => child.kill("SIGKILL"), 5000);
      await exited;
      clearTimeout(impatient);
      log.end();
    },
  };
}

/** Ports that nobody listens on at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

let kubeconfigs = 0;

async function writeKubeconfig(
  folder: string,
  caFile: string,
  port: number,
  user: { readonly token: string } | { readonly tokenFile: string },
): Promise<string> {
  const file = join(folder, `kubeconfig-${kubeconfigs++}.json`);
  const cluster = { server: `https://127.0.0.1:${port}`, "certificate-authority": caFile };
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      clusters: [{ name: "test", cluster }],
      users: [{ name: "test", user }],
    }),
  );
  return file;
}

function runKubectl(args: readonly string[], input: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { encoding: "utf8", maxBuffer: 64 * 1024 * 1024, timeout: 60_000 } as const;
    const child = execFile(join(goCache, "kubectl"), args, options, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`kubectl ${args.slice(2).join(" ")}: ${stderr}`)),
    );
    child.stdin!.end(input ?? "");
  });
}

/** By etcd's JSON gateway. */
async function compact(etcdUrl: string): Promise<void> {
  const call = async (method: string, body: object): Promise<unknown> => {
    const answer = await fetch(`${etcdUrl}/v3/kv/${method}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json();
  };
  const { header } = (await call("range", { key: "AA==" })) as { header: { revision: string } };
  await call("compaction", { revision: header.revision, physical: true });
}
