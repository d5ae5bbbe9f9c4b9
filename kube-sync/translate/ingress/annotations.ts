import type { ObjectOf } from "../../objects/object.ts";
import type { Say } from "../context.ts";
import type { Dialect } from "./dialect.ts";
import { annotationField } from "../annotations.ts";

/** Reports annotations that are not read. Returns why the Ingress cannot be served, if one of them forbids it. */
export function readAnnotations({ metadata }: ObjectOf<"Ingress">, dialect: Dialect, say: Say): string | undefined {
  let reason: string | undefined;
  for (const [annotation, value] of Object.entries(metadata.annotations)) {
    const field = annotationField(annotation);
    if (!annotation.includes(".ingress.kubernetes.io/") || dialect.alsoRead?.test(annotation) === true) continue;
    const isOwn = dialect.prefix === "" ? dialect.refused.has(annotation) : annotation.startsWith(dialect.prefix);
    if (!isOwn) {
      say("warning", field, `is not read: it means nothing to the class of this Ingress (${dialect.name})`);
      continue;
    }
    const name = annotation.slice(dialect.prefix.length);
    if (isAmong(dialect.read, name)) continue;
    const harmless = dialect.refused.get(name);
    if (harmless?.includes(value.trim().toLowerCase())) continue;
    if (harmless !== undefined) {
      reason ??= `${annotation} is not supported`;
      say("error", field, `${annotation} is not supported: all its paths answer with an error`);
    } else if (isAmong(dialect.missed, name)) {
      say("warning", field, "is not carried: calls are made without it");
    } else {
      say("info", field, "is not read: it has no meaning at the edge");
    }
  }
  return reason;
}

/** Whether a list of a dialect has a name: one that ends in "." or "-" stands for all that begin so. */
export function isAmong(list: readonly string[], name: string): boolean {
  return list.some((known) => (/[.-]$/.test(known) ? name.startsWith(known) : name === known));
}
