import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "./objects/object.ts";
import { keyOf, refOf } from "./objects/object.ts";
import type { ReportEntry } from "./report.ts";

/** The cluster's current objects. Each change answers whether it matters: whether anything that is read differs. */
export class Store {
  #objects = new Map<string, KubeObject>();

  /** In no particular order. */
  objects(): KubeObject[] {
    return [...this.#objects.values()];
  }

  /** Adds an object, or replaces the one of its name. */
  put(object: KubeObject): boolean {
    const key = keyOf(object);
    const changed = !isDeepStrictEqual(this.#objects.get(key), object);
    this.#objects.set(key, object);
    return changed;
  }

  delete(object: KubeObject): boolean {
    return this.#objects.delete(keyOf(object));
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
