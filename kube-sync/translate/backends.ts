import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Backend, BackendRefSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { BackendSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { ServicePort } from "../objects/core.ts";
import type { ObjectOf } from "../objects/object.ts";
import { reportUnknown } from "./annotations.ts";
import type { Context } from "./context.ts";
import { invalidTarget, sayAbout } from "./context.ts";
import type { BackendDescriptors } from "./descriptors.ts";
import { getOrAdd } from "./object-index.ts";
import { serviceTls } from "./origin-tls.ts";
import type { OriginSpeech, Reference } from "./origin.ts";
import { originEndpoints, originSpeech } from "./origin.ts";
import { servicePolicies } from "./service-policies.ts";

export type BackendTarget = NonNullable<Exclude<MessageInitShape<typeof BackendRefSchema>["target"], undefined>>;

/** A reference to a Service's port. */
export interface BackendUse {
  /** "namespace/name:port". */
  readonly key: string;
  readonly service: ObjectOf<"Service">;
  readonly port: ServicePort;
  readonly speech: OriginSpeech;
  readonly reference: Reference;
  /** Equal for references that speak to it in the same way. */
  readonly way: string;
  /** What the reference points at, once the ways in which the port is used are known. */
  readonly target: { case: "backend"; value: string };
}

/** What a reference to this port points at. An origin that cannot be spoken to as it must be gets no calls. */
export function useBackend(
  context: Context,
  service: ObjectOf<"Service">,
  port: ServicePort,
  reference: Reference,
): BackendTarget {
  const { namespace, name } = service.metadata;
  const key = `${namespace}/${name}:${port.port}`;
  const say = sayAbout(context, service);
  const refused = reportUnknown(service, say);
  if (refused !== undefined) return invalidTarget(refused);
  const tls = serviceTls(context, service, port) ?? reference.originTls;
  if (tls !== undefined && "invalid" in tls) return invalidTarget(tls.invalid);
  const spoken = originSpeech(service, port, reference, say);
  const speech = tls === undefined ? spoken : { ...spoken, tls: true };
  const target = { case: "backend" as const, value: key };
  context.uses.push({ key, service, port, speech, reference, way: wayOf(speech, reference), target });
  return target;
}

/**
 * Turns the Service ports that are used into backends, and settles what the references point at. A port that is used
 * in more than one way becomes one backend for each, with the way appended to its key.
 */
export function makeBackends(context: Context, descriptors: BackendDescriptors): Backend[] {
  const first = new Map<string, BackendUse>();
  const several = new Map<string, Map<string, BackendUse>>();
  for (const use of context.uses) {
    const one = first.get(use.key);
    if (one === undefined) first.set(use.key, use);
    else if (one.way !== use.way) {
      const ways = getOrAdd(several, use.key, () => new Map([[one.way, one]]));
      getOrAdd(ways, use.way, () => use);
    }
  }
  for (const { key, way, target } of context.uses) target.value = several.has(key) ? `${key}+${way}` : key;
  const backends: Backend[] = [];
  for (const use of first.values()) {
    const ways = several.get(use.key);
    if (ways === undefined) backends.push(makeBackend(context, use, descriptors));
    else for (const each of ways.values()) backends.push(makeBackend(context, each, descriptors));
  }
  return backends;
}

function makeBackend(context: Context, use: BackendUse, descriptors: BackendDescriptors): Backend {
  const { service, speech, way } = use;
  const key = use.target.value;
  const backend = context.unit("backend", key, [service, way], (own) => backendOf(own, key, use));
  const { endpoints } = backend;
  const hash = descriptors.hashFor({ key, service, speech, endpoints }, sayAbout(context, service));
  if (hash === "") return backend;
  return context.unit("described backend", key, [backend, hash], () => ({ ...backend, descriptors: hash }));
}

function backendOf(context: Context, key: string, { service, port, speech, reference }: BackendUse): Backend {
  const { namespace, name } = service.metadata;
  const say = sayAbout(context, service);
  const tls = serviceTls(context, service, port) ?? reference.originTls;
  return create(BackendSchema, {
    key,
    source: { kind: "Service", namespace, name },
    protocol: PROTOCOLS[speech.protocol],
    tls: speech.tls,
    endpoints: originEndpoints(context.objects, service, port, say),
    ...reference.policies,
    ...servicePolicies(service, say),
    ...(tls && "tls" in tls && { originTls: tls.tls }),
  });
}

const PROTOCOLS = {
  http1: OriginProtocol.HTTP1,
  http2: OriginProtocol.HTTP2,
  grpc: OriginProtocol.GRPC,
  "grpc-web": OriginProtocol.GRPC_WEB,
  connect: OriginProtocol.CONNECT,
};

/** "grpc-tls"; and what the reference asks for beyond that, in short. */
function wayOf({ protocol, tls }: OriginSpeech, { policies = {}, originTls }: Reference): string {
  const way = tls ? `${protocol}-tls` : protocol;
  if (Object.keys(policies).length === 0 && originTls === undefined) return way;
  const hash = createHash("sha256").update(JSON.stringify([policies, originTls]));
  return `${way}-${hash.digest("hex").slice(0, 8)}`;
}

/** The Service's port of that number or name. An ExternalName Service without ports has every number. */
export function findPort(service: ObjectOf<"Service">, wanted: number | string): ServicePort | undefined {
  const { ports, type } = service.spec;
  if (type === "ExternalName" && ports.length === 0 && typeof wanted === "number") {
    return { name: "", port: wanted, targetPort: undefined, protocol: "TCP", appProtocol: undefined };
  }
  return ports.find(
    ({ port, name, protocol }) => protocol === "TCP" && (typeof wanted === "number" ? port : name) === wanted,
  );
}

/** "Service default/web has no port 81 (it has 80, https 443)". */
export function noSuchPort(service: ObjectOf<"Service">, wanted: number | string): string {
  const { namespace, name } = service.metadata;
  const ports = service.spec.ports.map((port) => (port.name === "" ? `${port.port}` : `${port.name} ${port.port}`));
  return `Service ${namespace}/${name} has no port ${wanted} (it has ${ports.join(", ") || "none"})`;
}
