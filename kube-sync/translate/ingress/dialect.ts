import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MatchSchema, Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { IngressPath } from "../../objects/ingress.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Say } from "../context.ts";
import type { OriginHint } from "../origin.ts";

export type PathMatch = NonNullable<MessageInitShape<typeof MatchSchema>["path"]>;

/** A path as the table has it, or why it cannot be had. `note`: how its meaning changes. */
export type PathResult =
  { readonly path: PathMatch; readonly note?: string } | { readonly path?: undefined; readonly refused: string };

/** How one controller reads an Ingress. */
export interface Dialect {
  /** For reasons: "AWS ALB". */
  readonly name: string;
  /** Of the annotations that are its own. Empty: it has none. */
  readonly prefix: string;
  /** Annotations that it reads, without the prefix. */
  readonly read: readonly string[];
  /**
   * Annotations that decide where calls go or who may make them, and that the edge does not honour yet. Rather than
   * serve as if they were not there, what they are about answers with an error. A name that ends in "." stands for
   * `conditions.SERVICE` and the like, which are about that Service only.
   */
  readonly refused: readonly string[];
  /** An annotation that makes the Ingress a part of another one, which the edge cannot honour yet. */
  leftOut?(ingress: ObjectOf<"Ingress">): { annotation: string; reason: string } | undefined;
  /** The listeners it is served on; empty: all. Undefined when its annotations are wrong, which is reported. */
  schemes(ingress: ObjectOf<"Ingress">, say: Say): Scheme[] | undefined;
  path(path: IngressPath): PathResult;
  /** How the origin is spoken to, as far as annotations say. */
  hint(ingress: ObjectOf<"Ingress">, service: ObjectOf<"Service">, say: Say): OriginHint;
  /** Whether "*.example.com" takes one label only. */
  readonly wildcardIsOneLabel: boolean;
}

export function annotationField(name: string): string {
  return `metadata.annotations["${name}"]`;
}

/** A canary takes a share of the main Ingress's calls; on its own it would take all or none. */
export function leaveOutCanary(prefix: string): NonNullable<Dialect["leftOut"]> {
  const annotation = `${prefix}canary`;
  const reason = "canaries are not supported yet: left out, and the main Ingress takes all calls";
  return ({ metadata }) => (metadata.annotations[annotation] === "true" ? { annotation, reason } : undefined);
}

/** Exact and Prefix as networking.k8s.io/v1 defines them. */
export function standardPath({ path = "/", pathType }: IngressPath): PathMatch {
  return pathType === "Exact" ? { case: "exactPath", value: path } : { case: "pathPrefix", value: path };
}
