import type { ApiKind, Kind, ObjectRef } from "../objects/object.ts";
import { apiKinds } from "../objects/object.ts";

/** A kind of objects, as the API server names it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  /** The best first: of those that the server has, the first is read. */
  readonly versions: readonly string[];
  /** Such as "httproutes". */
  readonly plural: string;
  /** Such as "HTTPRoute". */
  readonly kind: string;
  /** Leaves out what nobody reads. */
  readonly fieldSelector?: string;
}

/** A kind of objects that the agent keeps a copy of. */
export interface WatchedKind extends Resource {
  /** Its name in reports and in the store. */
  readonly key: Kind;
}

/** Types of Secrets that hold no certificate: Helm's alone, with whole charts in them, can be most of a cluster. */
const OTHER_SECRETS = [
  "helm.sh/release.v1",
  "kubernetes.io/service-account-token",
  "kubernetes.io/dockercfg",
  "kubernetes.io/dockerconfigjson",
  "kubernetes.io/basic-auth",
  "kubernetes.io/ssh-auth",
  "bootstrap.kubernetes.io/token",
];

/** Entries of Secrets and ConfigMaps that are read: certificates as Kubernetes, and as Istio, names them. */
const READ_ENTRIES: ReadonlySet<string> = new Set(["tls.crt", "tls.key", "ca.crt", "cert", "key", "cacert"]);

/** kubectl's copy of the whole object. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

export const watchedKinds: readonly WatchedKind[] = apiKinds.map(watchedKind);

function watchedKind({ kind, group, apiKind, versions }: ApiKind): WatchedKind {
  const secrets = { fieldSelector: OTHER_SECRETS.map((type) => `type!=${type}`).join(",") };
  const named = { key: kind, group, versions, plural: pluralOf(apiKind), kind: apiKind };
  return kind === "Secret" ? { ...named, ...secrets } : named;
}

/** As the API server forms it for the kinds that there are. */
function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  if (name.endsWith("ss")) return `${name}es`;
  if (name.endsWith("s")) return name;
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
}

const byKind: ReadonlyMap<string, WatchedKind> = new Map(watchedKinds.map((kind) => [kind.key, kind]));

/** Where the API server has an object, in each version that there may be; nowhere if its kind is none that is read. */
export function pathsOf({ kind, namespace, name }: ObjectRef): string[] {
  const found = byKind.get(kind);
  if (found === undefined) return [];
  const folder = namespace === "" ? found.plural : `namespaces/${namespace}/${found.plural}`;
  return found.versions.map((version) => `${rootOf(apiVersionOf(found, version))}/${folder}/${name}`);
}

export function apiVersionOf({ group }: Pick<Resource, "group">, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** Where the API server has a version of a group, which may be the core group. */
export function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

type Json = Readonly<Record<string, unknown>>;

/** The object without what would only take memory, and secrets that are nobody's business. */
export function trimmed(kind: Kind, object: Json): Json {
  const { metadata, data } = object;
  const { annotations, managedFields: _, ...rest } = asMap(metadata);
  const { [LAST_APPLIED]: __, ...kept } = asMap(annotations);
  const slim = { ...object, metadata: { ...rest, annotations: kept } };
  if (kind !== "Secret" && kind !== "ConfigMap") return slim;
  return { ...slim, data: Object.fromEntries(Object.entries(asMap(data)).filter(([name]) => READ_ENTRIES.has(name))) };
}

function asMap(value: unknown): Json {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
