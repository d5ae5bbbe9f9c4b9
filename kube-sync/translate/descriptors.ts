import type { Origin } from "../descriptors/collector.ts";
import type { DescriptorSet } from "../descriptors/set.ts";
import { readDescriptorSet } from "../descriptors/set.ts";
import type { ObjectOf } from "../objects/object.ts";
import { refOf } from "../objects/object.ts";
import { compareText } from "../report.ts";
import type { Say } from "./context.ts";
import type { ObjectIndex } from "./object-index.ts";
import type { Address, OriginSpeech } from "./origin.ts";

/** On a Service: the name of a ConfigMap in its namespace whose `binaryData` holds descriptor sets. */
const DESCRIPTORS_ANNOTATION = "edgeway.dev/descriptors";
const DESCRIPTORS_FIELD = `metadata.annotations["${DESCRIPTORS_ANNOTATION}"]`;

/** As many as the edge takes for one cluster. */
const MAX_SETS = 256;
/** What fits into one push, with room for the routes. */
const MAX_BYTES = 12 * 1024 * 1024;

/** One backend that is spoken to in gRPC. */
interface Subject {
  readonly key: string;
  readonly service: ObjectOf<"Service">;
  readonly speech: OriginSpeech;
  readonly endpoints: readonly Address[];
}

/** Finds the descriptor sets of backends: from ConfigMaps that Services name, or else from what servers told. */
export class BackendDescriptors {
  readonly #objects: ObjectIndex;
  readonly #reflected: ReadonlyMap<string, DescriptorSet>;
  readonly #used = new Map<string, DescriptorSet>();
  #bytes = 0;
  /** The backends whose servers are to be asked. */
  readonly origins: Origin[] = [];

  /** `reflected`: what servers told, by backend key. */
  constructor(objects: ObjectIndex, reflected: ReadonlyMap<string, DescriptorSet>) {
    this.#objects = objects;
    this.#reflected = reflected;
  }

  /** The hash of the backend's set; empty if it has none. */
  hashFor(subject: Subject, say: Say): string {
    if (subject.speech.protocol === "http1") return "";
    const named = subject.service.metadata.annotations[DESCRIPTORS_ANNOTATION];
    const set = named === undefined ? this.#reflectedBy(subject) : this.#inConfigMap(named, subject.service, say);
    if (set === undefined) return "";
    if (!this.#used.has(set.hash)) {
      if (this.#used.size === MAX_SETS || this.#bytes + set.bytes.length > MAX_BYTES) {
        say("warning", "", `no JSON and no REST for ${subject.key}: the cluster's descriptor sets are too many`);
        return "";
      }
      this.#used.set(set.hash, set);
      this.#bytes += set.bytes.length;
    }
    return set.hash;
  }

  /** Every set that a backend has. */
  used(): DescriptorSet[] {
    return [...this.#used.values()].toSorted((a, b) => compareText(a.hash, b.hash));
  }

  #reflectedBy({ key, service, speech, endpoints }: Subject): DescriptorSet | undefined {
    // gRPC-Web and Connect have no reflection.
    if (endpoints.length === 0 || (speech.protocol !== "grpc" && speech.protocol !== "http2")) return undefined;
    const addresses = endpoints.map(({ host, port }) => ({ host, port, tls: speech.tls }));
    this.origins.push({ key, source: refOf(service), addresses });
    return this.#reflected.get(key);
  }

  #inConfigMap(name: string, { metadata: { namespace } }: ObjectOf<"Service">, say: Say): DescriptorSet | undefined {
    const configMap = this.#objects.get("ConfigMap", namespace, name);
    const read = configMap === undefined ? "is missing" : setIn(configMap);
    if (typeof read !== "string") return read;
    say("error", DESCRIPTORS_FIELD, `ConfigMap ${namespace}/${name} ${read}`);
    return undefined;
  }
}

/** What was read of a ConfigMap: translation runs at every change, and most are of other objects. */
const known = new WeakMap<ObjectOf<"ConfigMap">, DescriptorSet | string>();

/** The set that the ConfigMap holds, or what is wrong with it. */
function setIn(configMap: ObjectOf<"ConfigMap">): DescriptorSet | string {
  let read = known.get(configMap);
  if (read === undefined) known.set(configMap, (read = readSet(Object.values(configMap.binaryData))));
  return read;
}

/** Sets one after the other are one, as any two protobuf messages of a type are. */
function readSet(values: readonly string[]): DescriptorSet | string {
  if (values.length === 0) return "has no binaryData";
  try {
    return readDescriptorSet(Buffer.concat(values.map((value) => Buffer.from(value, "base64"))));
  } catch (error) {
    return `holds no usable descriptor set: ${error instanceof Error ? error.message : String(error)}`;
  }
}
