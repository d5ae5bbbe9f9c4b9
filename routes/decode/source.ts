/** From a source reference's message to its checked form. */
import type { SourceRef } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Place } from "../issues.ts";
import type { Source } from "../model.ts";
import { forms } from "../syntax.ts";

/** Stands in for a source that is missing. */
const noSource: Source = Object.freeze({ kind: "", namespace: "", name: "" });

/** The source, and the place as seen from it. One that is missing or malformed is wrong and not quoted. */
export function decodeSource(message: SourceRef | undefined, place: Place): { source: Source; at: Place } {
  const { kind, namespace, name } = message ?? noSource;
  const wellFormed =
    forms.kind.holds(kind) && (namespace === "" || forms.name.holds(namespace)) && forms.name.holds(name);
  if (!wellFormed) {
    place.at("source").wrong("must name a Kubernetes object by kind, namespace and name");
    return { source: noSource, at: place };
  }
  const source = Object.freeze({ kind, namespace, name });
  return { source, at: place.of(source) };
}
