import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { SecureContextOptions } from "node:tls";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { ReadOf } from "../objects/read.ts";
import { boolean, either, listOrEmpty, optional, part, string } from "../objects/read.ts";
import { readJson } from "./json.ts";

/** How an API server is reached, and who asks. */
export interface Access {
  /** May have a path. */
  readonly server: URL;
  readonly tls: Pick<SecureContextOptions, "ca" | "cert" | "key"> & { readonly rejectUnauthorized?: boolean };
  /** The bearer token of the moment; undefined where there is none. */
  readonly token: () => Promise<string | undefined>;
}

/** Where Kubernetes mounts a Pod's own identity. */
const MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** An exec plugin may ask its cloud. */
const EXEC_TIMEOUT_MS = 60_000;

/**
 * Access as a Pod of the cluster has it; undefined outside of one.
 * @throws an Error in one line when the Pod's ServiceAccount token is not mounted.
 */
export async function inClusterAccess(env = process.env, mount = MOUNT): Promise<Access | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === undefined || host === "") return undefined;
  const tokenFile = join(mount, "token");
  const ca = await read(join(mount, "ca.crt"));
  await read(tokenFile);
  const server = new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  return { server, tls: { ca }, token: () => tokenIn(tokenFile) };
}

/** Where kubectl looks for its configuration. */
export function defaultKubeconfig(): string {
  return process.env["KUBECONFIG"] || join(homedir(), ".kube", "config");
}

/**
 * Access as a kubeconfig file gives it: `context`, or else its current one. Client certificates, tokens, token files
 * and exec plugins that give tokens.
 * @throws an Error in one line that names the file and what is wrong with it.
 */
export async function kubeconfigAccess(file: string, context?: string): Promise<Access> {
  const { user, cluster } = chosen(await readConfig(file), file, context);
  const folder = dirname(resolve(file));
  /** Base64 data in the file, or the contents of another. */
  const bytes = async (data: string | undefined, path: string | undefined): Promise<Buffer | undefined> => {
    if (data !== undefined) return Buffer.from(data, "base64");
    return path === undefined ? undefined : await read(resolve(folder, path));
  };
  const [ca, cert, key] = await Promise.all([
    bytes(cluster["certificate-authority-data"], cluster["certificate-authority"]),
    bytes(user["client-certificate-data"], user["client-certificate"]),
    bytes(user["client-key-data"], user["client-key"]),
  ]);
  if (!URL.canParse(cluster.server)) throw new Error(`${file}: "${cluster.server}" is no URL of an API server`);
  return {
    server: new URL(cluster.server),
    tls: {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      rejectUnauthorized: !cluster["insecure-skip-tls-verify"],
    },
    token: tokenOf(user, folder),
  };
}

const exec = part({
  command: string,
  args: listOrEmpty(string),
  env: listOrEmpty(part({ name: string, value: string })),
});

const user = part({
  token: optional(string),
  tokenFile: optional(string),
  "client-certificate": optional(string),
  "client-certificate-data": optional(string),
  "client-key": optional(string),
  "client-key-data": optional(string),
  exec: optional(exec),
});

const cluster = part({
  server: string,
  "certificate-authority": optional(string),
  "certificate-authority-data": optional(string),
  "insecure-skip-tls-verify": either(boolean, false),
});

const config = part({
  "current-context": either(string, ""),
  contexts: listOrEmpty(part({ name: string, context: part({ cluster: string, user: either(string, "") }) })),
  clusters: listOrEmpty(part({ name: string, cluster })),
  users: listOrEmpty(part({ name: string, user: either(user, readJson(user, {})) })),
});

type Config = ReadOf<typeof config>;
type User = ReadOf<typeof user>;

async function readConfig(file: string): Promise<Config> {
  const text = (await read(file)).toString();
  try {
    return readJson(config, parse(text));
  } catch (error) {
    throw new Error(`${file}: ${oneLine(error)}`, { cause: error });
  }
}

function chosen(all: Config, file: string, context = all["current-context"]) {
  const found = all.contexts.find(({ name }) => name === context)?.context;
  if (found === undefined) throw new Error(`${file}: there is no context "${context}"`);
  const at = all.clusters.find(({ name }) => name === found.cluster)?.cluster;
  if (at === undefined) throw new Error(`${file}: there is no cluster "${found.cluster}"`);
  const as = all.users.find(({ name }) => name === found.user)?.user;
  return { cluster: at, user: as ?? readJson(user, {}) };
}

function tokenOf({ token, tokenFile, exec: plugin }: User, folder: string): Access["token"] {
  if (token !== undefined) return () => Promise.resolve(token);
  if (tokenFile !== undefined) return () => tokenIn(resolve(folder, tokenFile));
  return plugin === undefined ? () => Promise.resolve(undefined) : tokenFrom(plugin);
}

const credential = part({ status: part({ token: string, expirationTimestamp: optional(string) }) });

/** client.authentication.k8s.io ExecCredential: a plugin's token is used until it expires. */
function tokenFrom({ command, args, env }: ReadOf<typeof exec>): Access["token"] {
  let last: { readonly token: string; readonly expires: number } | undefined;
  return async () => {
    if (last !== undefined && Date.now() < last.expires) return last.token;
    const options = {
      timeout: EXEC_TIMEOUT_MS,
      env: { ...process.env, ...Object.fromEntries(env.map(({ name, value }) => [name, value])) },
    };
    const { stdout } = await promisify(execFile)(command, args, options);
    const { status } = readJson(credential, JSON.parse(stdout));
    last = { token: status.token, expires: Date.parse(status.expirationTimestamp ?? "") || Infinity };
    return last.token;
  };
}

/** Kubernetes replaces a mounted token before it expires: it is read for each request. */
async function tokenIn(file: string): Promise<string> {
  return (await read(file)).toString().trim();
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Error(`cannot read ${file}: ${oneLine(error)}`, { cause: error });
  }
}

/** Without the code before, and the file behind, that Node puts into messages. */
function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, " ").replace(/^E[A-Z]+: (.*), \w+( '.*')?$/, "$1");
}
