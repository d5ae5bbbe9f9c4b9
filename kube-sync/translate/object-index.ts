import type { Kind, KubeObject, ObjectOf } from "../objects/object.ts";
import { keyOf } from "../objects/object.ts";
import { compareText } from "../report.ts";

const SERVICE_NAME = "kubernetes.io/service-name";

/** Objects by name, and in an order of their own: the same objects give the same table in whichever order they came. */
export class ObjectIndex {
  readonly #byKind = new Map<Kind, KubeObject[]>();
  readonly #byKey = new Map<string, KubeObject>();
  readonly #byNamespace = new Map<string, ObjectOf<"Service">[]>();
  readonly #slices = new Map<string, ObjectOf<"EndpointSlice">[]>();

  constructor(objects: readonly KubeObject[]) {
    const keyed = objects.map((object) => [keyOf(object), object] as const);
    for (const [key, object] of keyed.toSorted(([a], [b]) => compareText(a, b))) {
      getOrAdd(this.#byKind, object.kind, () => []).push(object);
      this.#byKey.set(key, object);
      if (object.kind === "Service") getOrAdd(this.#byNamespace, object.metadata.namespace, () => []).push(object);
      if (object.kind !== "EndpointSlice") continue;
      const service = `${object.metadata.namespace}/${object.metadata.labels[SERVICE_NAME] ?? ""}`;
      getOrAdd(this.#slices, service, () => []).push(object);
    }
  }

  /** By namespace and name. */
  all<K extends Kind>(kind: K): readonly ObjectOf<K>[] {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- filed under their kind
    return (this.#byKind.get(kind) ?? []) as ObjectOf<K>[];
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): ObjectOf<K> | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- filed under its kind
    return this.find(kind, namespace, name) as ObjectOf<K> | undefined;
  }

  /** For a kind known at run time only. */
  find(kind: string, namespace: string, name: string): KubeObject | undefined {
    return this.#byKey.get(`${kind}/${namespace}/${name}`);
  }

  servicesIn(namespace: string): readonly ObjectOf<"Service">[] {
    return this.#byNamespace.get(namespace) ?? [];
  }

  slicesOf(service: ObjectOf<"Service">): readonly ObjectOf<"EndpointSlice">[] {
    return this.#slices.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [];
  }
}

/** What a map holds under a key, put there first if it holds nothing. */
export function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
