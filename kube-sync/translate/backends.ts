import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BackendRefSchema, BackendSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { ServicePort } from "../objects/core.ts";
import type { ObjectOf } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import { sayAbout } from "./context.ts";
import type { BackendDescriptors } from "./descriptors.ts";
import type { ObjectIndex } from "./object-index.ts";
import { getOrAdd } from "./object-index.ts";
import type { OriginHint, OriginSpeech } from "./origin.ts";
import { originEndpoints, originSpeech } from "./origin.ts";

type BackendInit = MessageInitShape<typeof BackendSchema>;
export type BackendTarget = NonNullable<Exclude<MessageInitShape<typeof BackendRefSchema>["target"], undefined>>;

interface Use {
  readonly speech: OriginSpeech;
  readonly targets: { case: "backend"; value: string }[];
}

interface Used {
  readonly service: ObjectOf<"Service">;
  readonly port: ServicePort;
  readonly uses: Map<string, Use>;
}

/**
 * Collects the Service ports that routes use, and turns each into a backend. A port that is spoken to in more than one
 * way becomes one backend for each, with the way appended to its key.
 */
export class Backends {
  readonly #objects: ObjectIndex;
  readonly #report: ReportEntry[];
  readonly #used = new Map<string, Used>();

  constructor(objects: ObjectIndex, report: ReportEntry[]) {
    this.#objects = objects;
    this.#report = report;
  }

  /** What a reference to this port points at. `hint`: what the referring object says about the protocol. */
  use(service: ObjectOf<"Service">, port: ServicePort, hint: OriginHint): BackendTarget {
    const { namespace, name } = service.metadata;
    const key = `${namespace}/${name}:${port.port}`;
    const say = sayAbout({ report: this.#report }, service);
    const speech = originSpeech(service, port, hint, say);
    const { uses } = getOrAdd(this.#used, key, () => ({ service, port, uses: new Map<string, Use>() }));
    const target = { case: "backend" as const, value: key };
    getOrAdd(uses, wayOf(speech), () => ({ speech, targets: [] })).targets.push(target);
    return target;
  }

  /** All backends used, once every reference has been made. */
  finish(descriptors: BackendDescriptors): BackendInit[] {
    return [...this.#used].flatMap(([key, { service, port, uses }]) => {
      const { namespace, name } = service.metadata;
      const say = sayAbout({ report: this.#report }, service);
      const endpoints = originEndpoints(this.#objects, service, port, say);
      return [...uses].map(([way, { speech, targets }]) => {
        const backendKey = uses.size === 1 ? key : `${key}+${way}`;
        for (const target of targets) target.value = backendKey;
        return {
          key: backendKey,
          source: { kind: "Service", namespace, name },
          protocol: PROTOCOLS[speech.protocol],
          tls: speech.tls,
          endpoints,
          descriptors: descriptors.hashFor({ key: backendKey, service, speech, endpoints }, say),
        };
      });
    });
  }
}

const PROTOCOLS = { http1: OriginProtocol.HTTP1, http2: OriginProtocol.HTTP2, grpc: OriginProtocol.GRPC };

function wayOf({ protocol, tls }: OriginSpeech): string {
  return tls ? `${protocol}-tls` : protocol;
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
