import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { syncCommand } from "./command.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgeway-sync-"));
  await writeFile(join(folder, "token"), "secret");
  await writeFile(join(folder, "not-a-key"), "secret");
  vi.stubEnv("EDGEWAY_SYNC_TOKEN", "");
  vi.stubEnv("KUBERNETES_SERVICE_HOST", "");
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const edge = "--edge=http://127.0.0.1:1";
const cluster = "--cluster=east";
const token = "--token-file=FOLDER/token";
const from = "--manifests=FOLDER";

test.each<[args: readonly string[], message: string]>([
  [[], "--edge takes the edge's URL, such as https://edge.example.com"],
  [["--edge=edge.example.com"], "--edge takes the edge's URL, such as https://edge.example.com"],
  [
    ["--edge=https://edge.example.com/tenant", cluster],
    "--edge takes a URL without a path, not https://edge.example.com/tenant",
  ],
  [[edge], "--cluster takes the cluster's name at the edge"],
  [[edge, cluster], "there is neither --token-file, --key-file nor EDGEWAY_SYNC_TOKEN"],
  [[edge, cluster, token, "--key-file=k"], "--token-file and --key-file are either or"],
  [[edge, cluster, "--token-file=FOLDER/nothing"], "cannot read FOLDER/nothing"],
  [[edge, cluster, "--key-file=FOLDER/not-a-key"], "FOLDER/not-a-key holds no Ed25519 or P-256 private key in PEM"],
  [[edge, cluster, token, "--listen=here"], "--listen takes a port, or HOST:PORT"],
  [[edge, cluster, token, "--leader-election=kube-sync"], "--leader-election takes NAMESPACE/NAME"],
  [[edge, cluster, token, from, "--edge-hostname=a.b"], "--edge-hostname is for a cluster, not for --manifests"],
  [[edge, cluster, token, "--kubeconfig=FOLDER/nowhere"], "cannot read FOLDER/nowhere: no such file or directory"],
  [
    [edge, cluster, token, "--manifests=FOLDER/nowhere"],
    "cannot read manifests from FOLDER/nowhere: no such directory",
  ],
  [[edge, "--cluster=East!", token, from], 'cluster "East!": must be'],
  [[edge, cluster, token, from, "--listen=192.0.2.1:80"], "cannot listen on 192.0.2.1:80: "],
])("edgeway sync %j is one clear error", async (args, message) => {
  const given = args.map((arg) => arg.replace("FOLDER", folder));
  const error = await syncCommand.run(given).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error?.message.replace(folder, "FOLDER")).toContain(message);
  expect(error?.message).not.toContain("\n");
});
