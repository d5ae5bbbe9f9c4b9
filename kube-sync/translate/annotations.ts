import type { KubeObject } from "../objects/object.ts";
import type { Say } from "./context.ts";
import { milliseconds } from "../objects/durations.ts";
import { nearest } from "./nearest.ts";

/** How an annotation's value is written. */
export interface Form<T> {
  /** Completes "must be …". */
  readonly says: string;
  /** Undefined: it is not of the form. */
  readonly read: (text: string) => T | undefined;
}

export const ANNOTATION_PREFIX = "edgeway.dev/";

/** For routes: Ingress, HTTPRoute, GRPCRoute, VirtualService. */
const OF_ROUTES = [
  "cors-origins",
  "cors-credentials",
  "timeout",
  "backend-timeout",
  "idle-timeout",
  "retry-attempts",
  "retry-on",
  "hedge-attempts",
  "hedge-delay",
  "rate-limit",
  "jwt-issuer",
  "jwt-jwks-uri",
  "jwt-audiences",
  "match-protocol",
  "cluster-weight",
  "failover",
] as const;

const OF_SERVICES = [
  "origin",
  "descriptors",
  "load-balancing",
  "hash-on",
  "slow-start",
  "health-check",
  "max-connections",
  "max-pending",
  "max-calls",
  "connect-timeout",
  "transport",
  "location-hint",
  "ca-configmap",
  "ca-secret",
  "client-cert-secret",
  "server-name",
] as const;

const OF_NAMESPACES = ["cluster-weight", "failover", "drain"] as const;

type AnnotationName = (typeof OF_ROUTES)[number] | (typeof OF_SERVICES)[number] | (typeof OF_NAMESPACES)[number];

const ALL: readonly AnnotationName[] = [...OF_ROUTES, ...OF_SERVICES, ...OF_NAMESPACES];

/** Of routes those that say whose calls are served, which, and how many. */
export const VITAL_OF_ROUTES = ["match-protocol", "jwt-issuer", "jwt-jwks-uri", "jwt-audiences", "rate-limit"] as const;

/** Of Services those that say how an origin is known. */
export const VITAL_OF_SERVICES = ["ca-configmap", "ca-secret", "client-cert-secret", "server-name"] as const;

const VITAL: readonly AnnotationName[] = [...VITAL_OF_ROUTES, ...VITAL_OF_SERVICES];

/** Reads an object's `edgeway.dev/` annotations. One that is malformed is reported, and counts as absent. */
export class Annotations {
  /** By name without the prefix. */
  readonly #values = new Map<string, string>();
  readonly #say: Say;
  readonly #vital: ReadonlySet<AnnotationName>;
  readonly #faults = new Map<AnnotationName, "malformed" | "missing">();

  /** `vital`: those without which more would be served, or to others, than was meant. Who reads them sees to it. */
  constructor({ metadata }: KubeObject, say: Say, vital: readonly AnnotationName[] = []) {
    for (const [name, value] of Object.entries(metadata.annotations)) {
      if (name.startsWith(ANNOTATION_PREFIX)) this.#values.set(name.slice(ANNOTATION_PREFIX.length), value);
    }
    this.#say = say;
    this.#vital = new Set(vital);
  }

  has(name: AnnotationName): boolean {
    return this.#values.has(name);
  }

  get<T>(name: AnnotationName, form: Form<T>): T | undefined {
    const text = this.#values.get(name);
    if (text === undefined) return undefined;
    const value = form.read(text.trim());
    if (value !== undefined) return value;
    this.#faults.set(name, "malformed");
    const consequence = this.#vital.has(name) ? "calls are answered with an error" : "ignored";
    this.wrong(name, `must be ${form.says}, not "${text}": ${consequence}`);
    return undefined;
  }

  /** Reports one that others need. */
  missing(name: AnnotationName, reason: string): void {
    this.#faults.set(name, "missing");
    this.wrong(name, `is missing: ${reason}`);
  }

  /** What is wrong with the first of these with which something is, once they were read. */
  fault(names: readonly AnnotationName[]): string | undefined {
    const name = names.find((each) => this.#faults.has(each));
    return name && `the annotation ${ANNOTATION_PREFIX}${name} is ${this.#faults.get(name)}`;
  }

  wrong(name: AnnotationName, reason: string): void {
    this.#say("error", annotationField(ANNOTATION_PREFIX + name), reason);
  }
}

export function annotationField(name: string): string {
  return `metadata.annotations["${name}"]`;
}

/**
 * Reports annotations of Edgeway's that the object's kind does not have: they are most often misspelt. Returns why its
 * calls must not be served, if one of them may have been meant to say whose they may be.
 */
export function reportUnknown({ kind, metadata }: KubeObject, say: Say): string | undefined {
  const known: readonly string[] = kind === "Service" ? OF_SERVICES : kind === "Namespace" ? OF_NAMESPACES : OF_ROUTES;
  let refused: string | undefined;
  for (const annotation of Object.keys(metadata.annotations)) {
    if (!annotation.startsWith(ANNOTATION_PREFIX)) continue;
    const name = annotation.slice(ANNOTATION_PREFIX.length);
    if (known.includes(name)) continue;
    const meant = nearest(name, ALL);
    const isVital = kind !== "Namespace" && (/jw[kt]/.test(name) || (meant !== undefined && VITAL.includes(meant)));
    const wrong =
      meant === name ? `means nothing on an object of the kind ${kind}` : `is not known${suggestionOf(meant)}`;
    say("error", annotationField(annotation), `${wrong}: ${isVital ? "calls are answered with an error" : "ignored"}`);
    if (isVital) refused ??= `the annotation ${annotation} ${wrong}`;
  }
  return refused;
}

function suggestionOf(meant: string | undefined): string {
  return meant === undefined ? "" : ` (did you mean ${ANNOTATION_PREFIX}${meant}?)`;
}

/** Forms that several annotations have. */

export const duration: Form<number> = { says: 'a duration such as "30s" or "250ms"', read: milliseconds };

export const flag: Form<boolean> = {
  says: '"true" or "false"',
  read: (text) => (text === "true" || text === "false" ? text === "true" : undefined),
};

export function integer(min: number, max: number): Form<number> {
  return {
    says: `a whole number from ${min} to ${max}`,
    read: (text) => {
      const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** One of the keys of a map. */
export function oneOf<T>(values: ReadonlyMap<string, T>): Form<T> {
  return { says: [...values.keys()].join(" or "), read: (text) => values.get(text) };
}

export function textOf(says: string, holds: (value: string) => boolean): Form<string> {
  return { says, read: (value) => (holds(value) ? value : undefined) };
}

/** Items with commas or blanks between them, each of a form, and at least one. */
export function listOf<T>({ says, read }: Form<T>): Form<readonly T[]> {
  return {
    says: `a list, each ${says}`,
    read: (value) => {
      const items = value
        .split(/[\s,]+/)
        .filter((item) => item !== "")
        .map(read);
      return items.length > 0 && items.every((item) => item !== undefined) ? items : undefined;
    },
  };
}
