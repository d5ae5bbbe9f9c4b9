import { isDeepStrictEqual } from "node:util";
import type { Kind, KubeObject, ObjectRef } from "./objects/object.ts";
import { keyOf, keyOfRef, refOf } from "./objects/object.ts";
import type { ReportEntry } from "./report.ts";

/** The cluster's current objects. Each change answers whether it matters: whether anything that is read differs. */
export class Store {
  #objects = new Map<string, KubeObject>();

  /** In no particular order. */
  objects(): KubeObject[] {
    return [...this.#objects.values()];
  }

  /** How many there are, by kind. */
  counts(): Map<Kind, number> {
    const counts = new Map<Kind, number>();
    for (const { kind } of this.#objects.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  }

  /** Adds an object, or replaces the one of its name. One that says the same stays the object that it was. */
  put(object: KubeObject): boolean {
    const key = keyOf(object);
    if (isDeepStrictEqual(this.#objects.get(key), object)) return false;
    this.#objects.set(key, object);
    return true;
  }

  delete(ref: Omit<ObjectRef, "file">): boolean {
    return this.#objects.delete(keyOfRef(ref));
  }

  /** Replaces all of one kind, each named once. */
  replaceKind(kind: Kind, objects: readonly KubeObject[]): boolean {
    const gone = new Map([...this.#objects].filter(([, object]) => object.kind === kind));
    let changed = false;
    for (const object of objects) {
      gone.delete(keyOf(object));
      changed = this.put(object) || changed;
    }
    for (const key of gone.keys()) this.#objects.delete(key);
    return changed || gone.size > 0;
  }

  /** Replaces all. Of two objects with one name the last stays, as when they are applied in turn. */
  replace(objects: readonly KubeObject[]): { changed: boolean; report: ReportEntry[] } {
    const next = new Map<string, KubeObject>();
    const report: ReportEntry[] = [];
    for (const object of objects) {
      const key = keyOf(object);
      const before = next.get(key);
      if (before !== undefined) {
        const reason = `is also in ${object.file === before.file ? "this file" : object.file}, which replaces it`;
        report.push({ source: refOf(before), level: "warning", field: "", reason });
      }
      next.set(key, object);
    }
    const changed = !isDeepStrictEqual(this.#objects, next);
    this.#objects = next;
    return { changed, report };
  }
}
