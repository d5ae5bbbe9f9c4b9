import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BackendRefSchema, FilterSchema, RouteSchema, RuleSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { KubeObject } from "../objects/object.ts";
import { refOf } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import type { ObjectIndex } from "./object-index.ts";
import type { Notes, Units } from "./units.ts";
import { noNotes } from "./units.ts";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
export type RouteInit = Plain<MessageInitShape<typeof RouteSchema>> & {
  /** The Ingress that leads to its source, whose annotations hold for it, too. */
  readonly via?: SourceName | undefined;
};
export type RuleInit = Plain<MessageInitShape<typeof RuleSchema>>;
export type BackendRefInit = MessageInitShape<typeof BackendRefSchema>;
export type FilterInit = MessageInitShape<typeof FilterSchema>;

/** Names an object as the table does. */
export interface SourceName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface TranslateOptions {
  /** The cluster's name at the edge. */
  readonly cluster: string;
  /** For development: takes every IngressClass and GatewayClass for Edgeway's own, and an Ingress without one too. */
  readonly adoptAll: boolean;
  /** IngressClasses and GatewayClasses of other controllers that Edgeway takes nevertheless, by name. */
  readonly adoptClasses?: ReadonlySet<string>;
  /** Whether the certificates of listeners, with their keys, become part of the table. Otherwise keys stay here. */
  readonly pushCertificates?: boolean;
  /** The namespace that the agent runs in, whose annotations are the cluster's. Unset: "edgeway-system". */
  readonly agentNamespace?: string;
}

/** What the translators share during one translation, and what they add to it. */
export interface Context extends Notes {
  readonly options: TranslateOptions;
  readonly objects: ObjectIndex;
  /**
   * What `translate` gives, kept for the next translation while its inputs and the objects that it asked for stay the
   * same. `kind` and `about`, a name or an object, tell it from others. Within another unit it is a part of that.
   */
  unit<T>(kind: string, about: unknown, inputs: readonly unknown[], translate: (context: Context) => T): T;
}

/** The context of a whole translation; without `units` nothing of it is kept. */
export function contextOf(options: TranslateOptions, objects: ObjectIndex, units?: Units): Context {
  const within = (notes: Notes): Context => {
    const context: Context = { ...notes, options, objects, unit: (_kind, _about, _inputs, make) => make(context) };
    return context;
  };
  const notes = noNotes();
  if (units === undefined) return within(notes);
  return {
    ...notes,
    options,
    objects,
    unit: (kind, about, inputs, make) => units.get(kind, about, inputs, notes, make, within),
  };
}

/** IngressClass `spec.controller` of Edgeway's own classes. */
export const INGRESS_CONTROLLER = "edgeway.dev/ingress-controller";
/** GatewayClass `spec.controllerName` of Edgeway's own classes. */
export const GATEWAY_CONTROLLER = "edgeway.dev/gateway-controller";

/** Instead of a backend: the calls that it would get are answered with this reason. Names from objects may be in it. */
export function invalidTarget(reason: string): { case: "invalid"; value: string } {
  return { case: "invalid", value: reason.replaceAll(/\p{Cc}/gu, " ").slice(0, 1024) };
}

/** Adds to the report of one object. */
export type Say = (
  level: ReportEntry["level"],
  field: string,
  reason: string,
  more?: Pick<ReportEntry, "passedOver">,
) => void;

export function sayAbout({ report }: Pick<Context, "report">, object: KubeObject): Say {
  const source = refOf(object);
  return (level, field, reason, more) => {
    report.push({ source, level, field, reason, ...more });
  };
}
