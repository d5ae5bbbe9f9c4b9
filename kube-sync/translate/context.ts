import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BackendRefSchema, FilterSchema, RouteSchema, RuleSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { KubeObject } from "../objects/object.ts";
import { refOf } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import type { Backends } from "./backends.ts";
import type { Certificate } from "./certificates.ts";
import type { ObjectIndex } from "./object-index.ts";
import type { ObjectStatus } from "./status.ts";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
export type RouteInit = Plain<MessageInitShape<typeof RouteSchema>>;
export type RuleInit = Plain<MessageInitShape<typeof RuleSchema>>;
export type BackendRefInit = MessageInitShape<typeof BackendRefSchema>;
export type FilterInit = MessageInitShape<typeof FilterSchema>;

export interface TranslateOptions {
  /** The cluster's name at the edge. */
  readonly cluster: string;
  /** For development: takes every IngressClass and GatewayClass for Edgeway's own, and an Ingress without one too. */
  readonly adoptAll: boolean;
}

/** What the translators share during one translation. */
export interface Context {
  readonly options: TranslateOptions;
  readonly objects: ObjectIndex;
  readonly report: ReportEntry[];
  readonly backends: Backends;
  readonly certificates: Certificate[];
  readonly statuses: ObjectStatus[];
  readonly routes: RouteInit[];
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
export type Say = (level: ReportEntry["level"], field: string, reason: string) => void;

export function sayAbout({ report }: Pick<Context, "report">, object: KubeObject): Say {
  const source = refOf(object);
  return (level, field, reason) => {
    report.push({ source, level, field, reason });
  };
}
