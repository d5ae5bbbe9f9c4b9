import { forms } from "../../routes/syntax.ts";
import { backendTlsPolicy } from "./backend-tls-policy.ts";
import { configMap, endpointSlice, namespaceBody, secret, service } from "./core.ts";
import { albConfig, backendConfig, frontendConfig } from "./clouds.ts";
import { gateway, gatewayClass, referenceGrant } from "./gateway.ts";
import { grpcRoute } from "./grpc-route.ts";
import { gcpBackendPolicy, guard, ingressClassParams } from "./guards.ts";
import { httpRoute } from "./http-route.ts";
import { ingress, ingressClass } from "./ingress.ts";
import { destinationRule, ISTIO_GROUP, ISTIO_VERSIONS, istioGateway, virtualService } from "./istio.ts";
import type { Problem, Reader, ReadOf } from "./read.ts";
import { either, formed, integer, mapOf, optional, part, string } from "./read.ts";
import { GATEWAY_GROUP } from "./route-parts.ts";

const ISTIO_SECURITY_GROUP = "security.istio.io";

/**
 * The kinds that are read, by their name in reports and in the route table's source references: the kind's own, but
 * for Istio's Gateway, as Gateway API has that name too.
 */
const KINDS = {
  Ingress: { group: "networking.k8s.io", versions: ["v1"], namespaced: true, body: ingress },
  IngressClass: { group: "networking.k8s.io", versions: ["v1"], namespaced: false, body: ingressClass },
  HTTPRoute: { group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], namespaced: true, body: httpRoute },
  GRPCRoute: { group: GATEWAY_GROUP, versions: ["v1", "v1alpha2"], namespaced: true, body: grpcRoute },
  Gateway: { group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], namespaced: true, body: gateway },
  GatewayClass: { group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], namespaced: false, body: gatewayClass },
  ReferenceGrant: { group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], namespaced: true, body: referenceGrant },
  BackendTLSPolicy: {
    group: GATEWAY_GROUP,
    versions: ["v1", "v1alpha3"],
    namespaced: true,
    body: backendTlsPolicy,
  },
  IstioGateway: { group: ISTIO_GROUP, kind: "Gateway", versions: ISTIO_VERSIONS, namespaced: true, body: istioGateway },
  VirtualService: { group: ISTIO_GROUP, versions: ISTIO_VERSIONS, namespaced: true, body: virtualService },
  DestinationRule: { group: ISTIO_GROUP, versions: ISTIO_VERSIONS, namespaced: true, body: destinationRule },
  AlbConfig: { group: "alibabacloud.com", versions: ["v1"], namespaced: false, body: albConfig },
  BackendConfig: { group: "cloud.google.com", versions: ["v1", "v1beta1"], namespaced: true, body: backendConfig },
  FrontendConfig: { group: "networking.gke.io", versions: ["v1beta1"], namespaced: true, body: frontendConfig },
  AuthorizationPolicy: { group: ISTIO_SECURITY_GROUP, versions: ["v1", "v1beta1"], namespaced: true, body: guard },
  RequestAuthentication: { group: ISTIO_SECURITY_GROUP, versions: ["v1", "v1beta1"], namespaced: true, body: guard },
  SecurityPolicy: { group: "gateway.envoyproxy.io", versions: ["v1alpha1"], namespaced: true, body: guard },
  GCPBackendPolicy: { group: "networking.gke.io", versions: ["v1"], namespaced: true, body: gcpBackendPolicy },
  IngressClassParams: { group: "elbv2.k8s.aws", versions: ["v1beta1"], namespaced: false, body: ingressClassParams },
  Service: { group: "", versions: ["v1"], namespaced: true, body: service },
  EndpointSlice: { group: "discovery.k8s.io", versions: ["v1"], namespaced: true, body: endpointSlice },
  ConfigMap: { group: "", versions: ["v1"], namespaced: true, body: configMap },
  Secret: { group: "", versions: ["v1"], namespaced: true, body: secret },
  Namespace: { group: "", versions: ["v1"], namespaced: false, body: namespaceBody },
} as const satisfies Record<string, KindInfo>;

interface KindInfo {
  readonly group: string;
  /** As objects write it, where the key is another. */
  readonly kind?: string;
  readonly versions: readonly string[];
  readonly namespaced: boolean;
  readonly body: Reader<object>;
}

export type Kind = keyof typeof KINDS;

/** A kind as the API server knows it. */
export interface ApiKind {
  readonly kind: Kind;
  /** Empty for the core group. */
  readonly group: string;
  /** As objects write it. */
  readonly apiKind: string;
  /** The best first. */
  readonly versions: readonly string[];
}

/** Every kind that is read. */
export const apiKinds: readonly ApiKind[] = Object.entries<KindInfo>(KINDS).map(([key, { group, kind, versions }]) => ({
  kind: key as Kind,
  group,
  apiKind: kind ?? key,
  versions,
}));

export interface Metadata {
  readonly name: string;
  /** Empty for kinds that have none. */
  readonly namespace: string;
  /** Unix seconds; 0 when unknown, as in a file. */
  readonly createdSeconds: number;
  /** Of the spec; 0 when unknown, as in a file. */
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Names an object, and the file it was read from. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Relative to the directory read. Empty when the object came from an API server. */
  readonly file: string;
}

/** An object of kind `K`, with the fields that Edgeway reads. */
export type ObjectOf<K extends Kind> = {
  readonly kind: K;
  readonly metadata: Metadata;
  readonly file: string;
} & ReadOf<(typeof KINDS)[K]["body"]>;

export type KubeObject = { [K in Kind]: ObjectOf<K> }[Kind];

export function refOf({ kind, metadata, file }: KubeObject): ObjectRef {
  return { kind, namespace: metadata.namespace, name: metadata.name, file };
}

/** Unique in a cluster: "Ingress/default/web". */
export function keyOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

export function keyOfRef({ kind, namespace, name }: Omit<ObjectRef, "file">): string {
  return `${kind}/${namespace}/${name}`;
}

const head = part({ apiVersion: string, kind: string });

const names = part({ metadata: part({ name: optional(string), namespace: optional(string) }) });

const withMetadata = part({
  metadata: part({
    name: formed(forms.name),
    namespace: optional(formed(forms.name)),
    creationTimestamp: optional(string),
    generation: either(integer(0, Number.MAX_SAFE_INTEGER), 0),
    labels: either(mapOf(string), {}),
    annotations: either(mapOf(string), {}),
  }),
});

export interface Reading {
  readonly ref: ObjectRef;
  /** Absent when the object is malformed, or of a kind that is not read. */
  readonly object?: KubeObject;
  readonly problems: readonly Problem[];
}

/** Reads one object as YAML or JSON gives it. Never throws. */
export function readObject(value: unknown, file = ""): Reading {
  const problems: Problem[] = [];
  const { apiVersion, kind } = head(value, "", problems);
  if (hasError(problems)) {
    const first = { ...problems[0]!, reason: `${problems[0]!.reason}: this is not a Kubernetes object` };
    return { ref: { kind: "", namespace: "", name: "", file }, problems: [first] };
  }
  const { group, version } = parseApiVersion(apiVersion);
  const known = kindOf(group, kind);
  const info: KindInfo | undefined = known && KINDS[known];
  const given = rawNames(value);
  const namespace = info?.namespaced === false ? "" : (given.namespace ?? "default");
  const ref = { kind: known ?? kind, namespace, name: given.name ?? "", file };
  if (info === undefined) return { ref, problems: isNeighbour(group) ? [NOT_READ] : [] };
  if (!info.versions.includes(version)) {
    const wanted = group === "" ? info.versions[0] : `${group}/${info.versions[0]}`;
    const reason = `must be ${wanted}, not ${apiVersion}`;
    return { ref, problems: [{ level: "error", field: "apiVersion", reason }] };
  }

  const { metadata } = withMetadata(value, "", problems);
  const body = info.body(value, "", problems);
  if (hasError(problems)) return { ref, problems };
  const { name, labels, annotations, creationTimestamp, generation } = metadata;
  const createdSeconds = Math.floor(Date.parse(creationTimestamp ?? "") / 1000) || 0;
  const object = {
    ...body,
    kind: known,
    metadata: { name, namespace, createdSeconds, generation, labels, annotations },
    file,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind chose the reader of the body
  return { ref, object: object as unknown as KubeObject, problems };
}

const KIND_OF: ReadonlyMap<string, Kind> = new Map(
  Object.entries<KindInfo>(KINDS).map(([key, { group, kind }]) => [`${group}/${kind ?? key}`, key as Kind]),
);

function kindOf(group: string, kind: string): Kind | undefined {
  return KIND_OF.get(`${group}/${kind}`);
}

/** Of groups with kinds that are read, and of their makers': whoever writes one may take it for one of them. */
const NEIGHBOURS =
  /^(networking\.k8s\.io|gateway\.networking\.(x-)?k8s\.io|(.+\.)?istio\.io|gateway\.envoyproxy\.io|(elbv2|gateway)\.k8s\.aws|alibabacloud\.com|cloud\.google\.com|networking\.gke\.io)$/;
const NOT_READ: Problem = { level: "info", field: "", reason: "is not read" };

function isNeighbour(group: string): boolean {
  return NEIGHBOURS.test(group);
}

function hasError(problems: readonly Problem[]): boolean {
  return problems.some(({ level }) => level === "error");
}

/** "networking.k8s.io/v1", or "v1" for the core group. */
function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) };
}

/** The object's names as far as they can be read, to report under. */
function rawNames(value: unknown): { name?: string | undefined; namespace?: string | undefined } {
  const problems: Problem[] = [];
  const { metadata } = names(value, "", problems);
  return problems.length === 0 ? metadata : {};
}
