import type { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ServicePort } from "../../objects/core.ts";
import type { IngressPath } from "../../objects/ingress.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Form } from "../annotations.ts";
import { annotationField } from "../annotations.ts";
import type { ClientCertificates } from "../certificates.ts";
import type { Context, FilterInit, RouteInit, Say } from "../context.ts";
import type { Match, PathTest } from "../match.ts";
import { ANY_REQUEST } from "../match.ts";
import type { OrderedRule } from "../order.ts";
import type { Reference } from "../origin.ts";

/** An Ingress that is being translated. */
export interface Reading {
  readonly context: Context;
  readonly ingress: ObjectOf<"Ingress">;
  readonly dialect: Dialect;
  readonly say: Say;
  /** Why none of it may be served. */
  readonly refused: string | undefined;
}

/** A rule of an Ingress: of one of its paths, or of its default backend. */
export interface IngressRule extends OrderedRule {
  readonly reading: Reading;
  /** As the Ingress has it; absent for a default backend. */
  readonly path?: IngressPath;
  /** What of the Ingress it is from: the same object for all rules that a mesh behind has for it. */
  readonly part: Part;
  /** After the key of the Ingress's route for the hostname, when it is a route of its own. */
  readonly suffix: string;
  /** Whether its calls are answered with an error whatever their backend is: those that a canary would take, too. */
  readonly refused?: boolean;
}

/** The requests that a path of an Ingress takes, or a default backend. */
interface Part {
  readonly host: string;
  /** Any of them; empty: every request for the host. */
  readonly matches: readonly Match[];
}

/** A path as the table has it, any of some matches, or why it cannot be had. `note`: how its meaning changes. */
export type PathResult =
  | { readonly matches: readonly Match[]; readonly note?: string }
  | { readonly matches?: undefined; readonly refused: string };

/** A hostname, and what else must hold there, as it may be wider than what is asked for. */
export interface HostCondition {
  readonly hostname: string;
  /** Any of them; empty: nothing. */
  readonly matches: readonly Match[];
  /** Whether it is an expression, which stands beside no names. */
  readonly isExpression?: boolean;
}

/** What else must hold for a backend's calls. */
export interface Conditions {
  /** Any of them, beside the rule's own host. */
  readonly hosts: readonly HostCondition[];
  /** Any of them, beside the rule's own path. */
  readonly paths: readonly Match[];
  /** Any of them, besides. */
  readonly matches: readonly Match[];
}

/** A Service, or what an annotation is for, as an Ingress names it. */
export interface BackendName {
  readonly name: string;
  readonly port: number | string;
}

/** What becomes of calls, as an annotation says it. */
export type Action = Pick<OrderedRule["rule"], "filters" | "backends" | "session">;

export type CallPolicies = Pick<OrderedRule["rule"], "timeouts" | "retry" | "session">;

/** How one controller reads an Ingress. */
export interface Dialect {
  /** For reasons: "AWS ALB". */
  readonly name: string;
  /** Of the annotations that are its own. Empty: it has none. */
  readonly prefix: string;
  /**
   * Annotations that it reads, without the prefix. A name that ends in "." stands for `conditions.SERVICE` and the
   * like, and one that ends in "-" for all that begin so.
   */
  readonly read: readonly string[];
  /** Of these, those that it reads of a Service, too. */
  readonly readOfServices?: readonly string[];
  /** Annotations of another dialect that it reads too. */
  readonly alsoRead?: RegExp;
  /**
   * Annotations that decide where calls go or who may make them, and that the edge does not honour. Rather than
   * serve as if they were not there, the Ingress answers with an error, unless the value is one of the harmless ones
   * given here.
   */
  readonly refused: ReadonlyMap<string, readonly string[]>;
  /** Annotations without which calls are still answered, but maybe otherwise than meant. */
  readonly missed: readonly string[];
  /** The listeners it is served on; empty: all. Undefined when its annotations are wrong, which is reported. */
  schemes(ingress: ObjectOf<"Ingress">, say: Say, context: Context): Scheme[] | undefined;
  path(path: IngressPath, reading: Reading): PathResult;
  /** How the origin is spoken to, chosen and checked, as far as annotations say. */
  refer(reading: Reading, service: ObjectOf<"Service">, port: ServicePort): Reference;
  /** Whether a default backend is for the hosts of its Ingress alone, unless it has no rules. */
  readonly defaultsOwnHosts?: boolean;
  /** Whether "*.example.com" takes one label only. */
  readonly wildcardIsOneLabel: boolean;
  /** Whether a redirect to HTTPS is for the paths of its Ingress alone, rather than for all of their host. */
  readonly redirectsPaths?: boolean;
  /** The status and port with which plain HTTP for a hostname is sent to HTTPS, if it is. */
  redirect?(reading: Reading, hostname: string): { readonly status: number; readonly port?: number } | undefined;
  /** What an annotation says is done for a backend's calls; undefined: it is an ordinary Service. A string: why not. */
  action?(reading: Reading, backend: BackendName): Action | string | undefined;
  /** Undefined: none. A string: why they cannot be had. */
  conditions?(reading: Reading, name: string): Conditions | string | undefined;
  /** How calls to a Service are made: their times, attempts and sessions. */
  policies?(reading: Reading, service: ObjectOf<"Service">, port: ServicePort): CallPolicies;
  /**
   * Filters that all calls pass first, whatever becomes of them, as they say who may call and how often. A string: why
   * they cannot be had.
   */
  guards?(reading: Reading, backend: BackendName): FilterInit[] | string;
  /** Whose client certificates are asked for. A string: why they cannot be. */
  clients?(reading: Reading): ClientCertificates | string | undefined;
  /** Filters for the calls of one path. A string: why they cannot be had. */
  filters?(
    reading: Reading,
    path: IngressPath | undefined,
    service: ObjectOf<"Service"> | undefined,
    port: ServicePort | undefined,
  ): FilterInit[] | string;
  /** Hostnames that go with those of the Ingress. */
  aliases?(reading: Reading): readonly string[];
  /** Checks annotations that the above do not ask for. */
  check?(reading: Reading): void;
  /** Rules whose order matters to each other, by the name of their group. Absent: those of one Ingress. */
  groups?(rules: readonly IngressRule[]): ReadonlyMap<string, readonly IngressRule[]>;
  /** The routes of a group, where the order of its rules is not just the table's own. */
  arrange?(rules: readonly IngressRule[], keyOf: (rule: IngressRule) => string, group: string): RouteInit[];
}

/** A dialect's annotation of an Ingress, by its name without the prefix. */
export function annotationOf({ ingress, dialect }: Reading, name: string): string | undefined {
  return ingress.metadata.annotations[`${dialect.prefix}${name}`];
}

/** Reports something about an annotation, by its name without the prefix. */
export function sayOf({ dialect, say }: Reading, name: string, level: Parameters<Say>[0], reason: string): void {
  say(level, annotationField(`${dialect.prefix}${name}`), reason);
}

export function onPath(...tests: readonly PathTest[]): Match {
  return { ...ANY_REQUEST, paths: tests };
}

/** Exact and Prefix as networking.k8s.io/v1 defines them. */
export function standardPath({ path = "/", pathType }: IngressPath): Match {
  return onPath({ kind: pathType === "Exact" ? "exact" : "prefix", value: path });
}

/** Sorts by what the table tries first: exact paths, then longer ones. */
export function byPath(a: IngressRule, b: IngressRule): number {
  const rank = ({ path }: IngressRule) => [path?.pathType === "Exact" ? 1 : 0, path?.path?.length ?? 0] as const;
  const [exactA, lengthA] = rank(a);
  const [exactB, lengthB] = rank(b);
  return exactB - exactA || lengthB - lengthA;
}

/**
 * What a dialect's annotation of an Ingress, or of a Service, which comes first, says; undefined: it is absent, or
 * malformed, which is reported.
 */
export function valueOf<T>(
  reading: Reading,
  name: string,
  form: Form<T>,
  service?: ObjectOf<"Service">,
): T | undefined {
  const text = service?.metadata.annotations[`${reading.dialect.prefix}${name}`] ?? annotationOf(reading, name);
  if (text === undefined) return undefined;
  const value = form.read(text.trim());
  if (value === undefined) sayOf(reading, name, "error", `must be ${form.says}, not "${text}": ignored`);
  return value;
}

/** Sorts by what the table tries first: the narrowest hosts, and then by path. */
export function byHostAndPath(a: IngressRule, b: IngressRule): number {
  const [hostA, hostB] = [a.part.host, b.part.host];
  const isWild = (host: string) => Number(host.startsWith("*."));
  return hostB.length - hostA.length || isWild(hostA) - isWild(hostB) || byPath(a, b);
}
