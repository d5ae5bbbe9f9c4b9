import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inClusterAccess, kubeconfigAccess } from "./access.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgeway-access-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const config = (user: string, cluster = "{server: https://a.example.com:6443}") => `
apiVersion: v1
kind: Config
current-context: one
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: d}}]
clusters: [{name: c, cluster: ${cluster}}, {name: d, cluster: {server: https://b.example.com/path}}]
users: [{name: u, user: ${user}}]
`;

test("a Pod's own access: its server, its token of the moment, its CA", async () => {
  await write("token", "first\n");
  await write("ca.crt", "the CA");
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };
  const access = await inClusterAccess(env, folder);
  expect(access?.server.href).toBe("https://[fd00::1]:6443/");
  expect(String(access?.tls.ca)).toBe("the CA");
  expect(await access?.token()).toBe("first");
  await write("token", "second\n");
  expect(await access?.token()).toBe("second");
  expect(await inClusterAccess({}, folder)).toBeUndefined();
  await expect(inClusterAccess(env, join(folder, "nowhere"))).rejects.toThrow(/^cannot read .*nowhere\/ca.crt: /);
});

test("a kubeconfig's current context, or the one that is asked for", async () => {
  const file = await write("config", config("{token: secret}"));
  const one = await kubeconfigAccess(file);
  expect(one.server.href).toBe("https://a.example.com:6443/");
  expect(await one.token()).toBe("secret");
  const two = await kubeconfigAccess(file, "two");
  expect(two.server.href).toBe("https://b.example.com/path");
  expect(await two.token()).toBeUndefined();
});

test("certificates in the kubeconfig, or in files beside it", async () => {
  await write("client.key", "the key");
  const data = (text: string) => Buffer.from(text).toString("base64");
  const user = `{client-certificate-data: ${data("the certificate")}, client-key: client.key}`;
  const cluster = `{server: https://a.example.com, certificate-authority-data: ${data("the CA")}}`;
  const { tls } = await kubeconfigAccess(await write("config", config(user, cluster)));
  expect([tls.ca, tls.cert, tls.key].map(String)).toEqual(["the CA", "the certificate", "the key"]);
  expect(tls.rejectUnauthorized).toBe(true);
});

test("a plugin's token is used until it expires", async () => {
  const plugin = await write(
    "plugin.sh",
    `#!/bin/sh
echo run >> "$RUNS"
echo "{\\"status\\": {\\"token\\": \\"$1-$(wc -l < "$RUNS" | tr -d ' ')\\", \\"expirationTimestamp\\": \\"$EXPIRES\\"}}"
`,
  );
  await chmod(plugin, 0o755);
  const token = async (expires: string, times: number) => {
    const runs = join(folder, `runs-${expires}`);
    const env = `[{name: RUNS, value: ${runs}}, {name: EXPIRES, value: "${expires}"}]`;
    const user = `{exec: {apiVersion: client.authentication.k8s.io/v1, command: ${plugin}, args: [token], env: ${env}}}`;
    const access = await kubeconfigAccess(await write("config", config(user)));
    let last: string | undefined;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (let i = 0; i < times; i++) last = await access.token();
    return last;
  };
  expect(await token("2999-01-01T00:00:00Z", 3)).toBe("token-1");
  expect(await token("2000-01-01T00:00:00Z", 3)).toBe("token-3");
});

test.each([
  ["no YAML", "{", /config: .*/],
  ["an unknown context", config("{}").replace("current-context: one", "current-context: three"), /no context "three"/],
  ["a cluster that is not there", config("{}").replace("cluster: c,", "cluster: e,"), /no cluster "e"/],
  ["no server", config("{}", "{}"), /clusters\[0\].cluster.server is missing/],
  ["a server that is no URL", config("{}", "{server: somewhere}"), /"somewhere" is no URL/],
])("a kubeconfig with %s is one clear error", async (_what, text, message) => {
  const error = await kubeconfigAccess(await write("config", text)).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error?.message).toMatch(message);
  expect(error?.message).toContain(folder);
  expect(error?.message).not.toContain("\n");
});
