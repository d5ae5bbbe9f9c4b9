import { targetsOf } from "../objects/guards.ts";
import type { Kind, KubeObject, ObjectOf } from "../objects/object.ts";
import { keyOf } from "../objects/object.ts";
import { compareText } from "../report.ts";
import { changesBetween } from "./changes.ts";
import { isWildcardOf, serviceNameOf } from "./service-host.ts";

const SERVICE_NAME = "kubernetes.io/service-name";

/** In place of the Service, of DestinationRules for many. */
const WILDCARDS = "*";

const GUARDS = ["AuthorizationPolicy", "RequestAuthentication", "SecurityPolicy"] as const;
/** Says who may call what it is for. */
export type Guard = ObjectOf<(typeof GUARDS)[number]>;

/**
 * Objects by name, and in lists with an order of their own: the same objects give the same table in whichever order
 * they came. It stays from one translation to the next, and notes which questions are asked, so that only what asked
 * for something that changed need be translated anew. A question is the key of an object, or the name of a list.
 */
export class ObjectIndex {
  #objects: readonly KubeObject[] = [];
  readonly #byKey = new Map<string, KubeObject>();
  readonly #lists = new Map<string, readonly KubeObject[]>();
  #asked: Set<string> | undefined;

  /**
   * Takes the objects as they are now, of different names. One that is the same as before is the same object. Returns
   * the questions that have another answer now.
   */
  update(objects: readonly KubeObject[]): ReadonlySet<string> {
    const { added, removed } = changesBetween(this.#objects, objects);
    this.#objects = [...objects];
    for (const object of removed) this.#byKey.delete(keyOf(object));
    for (const object of added) this.#byKey.set(keyOf(object), object);

    const lists = new Map<string, KubeObject[]>();
    for (const object of removed) for (const name of listsOf(object)) getOrAdd(lists, name, () => []);
    for (const object of added) for (const name of listsOf(object)) getOrAdd(lists, name, () => []).push(object);
    for (const [name, more] of lists) {
      const kept = (this.#lists.get(name) ?? []).filter((object) => !removed.has(object));
      const list = [...kept, ...more].toSorted(byName);
      if (list.length === 0) this.#lists.delete(name);
      else this.#lists.set(name, list);
    }
    return new Set([...[...added, ...removed].map(keyOf), ...lists.keys()]);
  }

  /** What `run` gives, and the questions that it asked. */
  track<T>(run: () => T): readonly [T, ReadonlySet<string>] {
    const asked = new Set<string>();
    this.#asked = asked;
    try {
      return [run(), asked];
    } finally {
      this.#asked = undefined;
    }
  }

  /** By namespace and name. */
  all<K extends Kind>(kind: K): readonly ObjectOf<K>[] {
    return this.#list(kind);
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): ObjectOf<K> | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- filed under its kind
    return this.find(kind, namespace, name) as ObjectOf<K> | undefined;
  }

  /** For a kind known at run time only. */
  find(kind: string, namespace: string, name: string): KubeObject | undefined {
    const key = `${kind}/${namespace}/${name}`;
    this.#asked?.add(key);
    return this.#byKey.get(key);
  }

  servicesIn(namespace: string): readonly ObjectOf<"Service">[] {
    return this.#list("Service", namespace);
  }

  grantsIn(namespace: string): readonly ObjectOf<"ReferenceGrant">[] {
    return this.#list("ReferenceGrant", namespace);
  }

  /** Those that say who may call. */
  guardsIn(namespace: string): readonly Guard[] {
    return GUARDS.flatMap((kind): readonly Guard[] => this.#list(kind, namespace));
  }

  slicesOf({ metadata }: ObjectOf<"Service">): readonly ObjectOf<"EndpointSlice">[] {
    return this.#list("EndpointSlice", `${metadata.namespace}/${metadata.name}`);
  }

  /** Of every namespace: those for the Service alone, and then those for more, from the narrowest host on. */
  destinationRulesOf({ metadata }: ObjectOf<"Service">): readonly ObjectOf<"DestinationRule">[] {
    const wide = this.#list("DestinationRule", WILDCARDS).filter(({ spec }) => isWildcardOf(spec.host, metadata));
    return [
      ...this.#list("DestinationRule", `${metadata.namespace}/${metadata.name}`),
      ...wide.toSorted((a, b) => b.spec.host.length - a.spec.host.length),
    ];
  }

  gcpPoliciesOf({ metadata }: ObjectOf<"Service">): readonly ObjectOf<"GCPBackendPolicy">[] {
    return this.#list("GCPBackendPolicy", `${metadata.namespace}/${metadata.name}`);
  }

  tlsPoliciesOf({ metadata }: ObjectOf<"Service">): readonly ObjectOf<"BackendTLSPolicy">[] {
    return this.#list("BackendTLSPolicy", `${metadata.namespace}/${metadata.name}`);
  }

  #list<K extends Kind>(kind: K, of = ""): readonly ObjectOf<K>[] {
    const name = listName(kind, of);
    this.#asked?.add(name);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- lists are of one kind each, see listsOf
    return (this.#lists.get(name) ?? []) as readonly ObjectOf<K>[];
  }
}

function listName(kind: Kind, of: string): string {
  return `${kind}s of ${of}`;
}

/** The lists that an object is in: of all of its kind, and of those of a namespace or for a Service. */
function listsOf(object: KubeObject): readonly string[] {
  const { kind } = object;
  return ["", ...placesOf(object)].map((of) => listName(kind, of));
}

function placesOf(object: KubeObject): readonly string[] {
  const { namespace, labels } = object.metadata;
  switch (object.kind) {
    case "Service":
    case "ReferenceGrant":
    case "AuthorizationPolicy":
    case "RequestAuthentication":
    case "SecurityPolicy":
      return [namespace];
    case "EndpointSlice":
      return [`${namespace}/${labels[SERVICE_NAME] ?? ""}`];
    case "DestinationRule":
      return [object.spec.host.startsWith("*") ? WILDCARDS : (serviceNameOf(object.spec.host, namespace) ?? "none")];
    case "GCPBackendPolicy":
    case "BackendTLSPolicy": {
      const services = targetsOf(object.spec).filter((ref) => ref.kind === "Service");
      return [...new Set(services.map(({ name }) => `${namespace}/${name}`))];
    }
    default:
      return [];
  }
}

function byName({ metadata: a }: KubeObject, { metadata: b }: KubeObject): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

/** What a map holds under a key, put there first if it holds nothing. */
export function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
