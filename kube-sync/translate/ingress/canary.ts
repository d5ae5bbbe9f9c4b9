import { ANNOTATION_PREFIX } from "../annotations.ts";
import type { Match } from "../match.ts";
import { both } from "../match.ts";
import { getOrAdd } from "../object-index.ts";
import type { IngressRule } from "./dialect.ts";

/** A canary's rule, beside the main Ingress's rule for the same host and path. */
export interface CanaryPair {
  readonly main: IngressRule;
  readonly canaries: readonly IngressRule[];
}

/**
 * Pairs canaries with the rules that they take calls from; what no canary is for, or is refused, is a pair without one.
 * `alone`: for each canary without a main rule.
 */
export function pairCanaries(
  rules: readonly IngressRule[],
  isCanary: (rule: IngressRule) => boolean,
  alone: (rule: IngressRule) => void,
): CanaryPair[] {
  const canaries = new Map<string, IngressRule[]>();
  for (const rule of rules) if (isCanary(rule)) getOrAdd(canaries, placeOf(rule), () => []).push(rule);
  const mains = rules.filter((rule) => !isCanary(rule));
  const places = new Set(mains.map(placeOf));
  for (const [place, own] of canaries) if (!places.has(place)) own.forEach(alone);
  return mains.map((main) => {
    const isOpen = main.suffix !== "/http" && main.refused !== true;
    return { main, canaries: isOpen ? (canaries.get(placeOf(main)) ?? []) : [] };
  });
}

function placeOf({ hostname, path, suffix }: IngressRule): string {
  return `${hostname} ${path?.pathType ?? ""} ${path?.path ?? ""} ${suffix === "/http" ? suffix : ""}`;
}

/** The main rule's matches, for calls that also have something that makes them go elsewhere. */
export function narrowed({ matches }: IngressRule, by: Match): Match[] {
  return matches.length === 0 ? [by] : matches.map((match) => both(match, by));
}

/**
 * A canary's rule for calls that it takes from the main Ingress's. Edgeway's annotations of the main Ingress hold for
 * them, too: a token that it asks for is not to be had without by a header.
 */
export function taking(canary: IngressRule, main: IngressRule, by: Match): IngressRule {
  const { metadata } = main.reading.ingress;
  const { namespace, name } = metadata;
  const isAnnotated = Object.keys(metadata.annotations).some((each) => each.startsWith(ANNOTATION_PREFIX));
  const via = { kind: "Ingress", namespace, name };
  return {
    ...canary,
    ...(isAnnotated && { via, suffix: `${canary.suffix}/for/${namespace}/${name}` }),
    schemes: main.schemes,
    matches: narrowed(main, by),
  };
}

/**
 * The main rule with a share of its calls for each of some canaries; `total`: all shares. Header and weight rules of
 * one path are told apart by their source, so what a canary gets by weight is the main Ingress's rule.
 */
export function withShares(
  main: IngressRule,
  shares: readonly { rule: IngressRule; weight: number }[],
  total: number,
): IngressRule {
  const taken = shares.reduce((sum, { weight }) => sum + weight, 0);
  const left = Math.max(0, total - taken);
  const backends = [
    ...(main.rule.backends ?? []).map((backend) => ({ ...backend, weight: left })),
    ...shares.flatMap(({ rule, weight }) => (rule.rule.backends ?? []).map((backend) => ({ ...backend, weight }))),
  ];
  return { ...main, rule: { ...main.rule, backends } };
}
