/** One rule out of several clusters' rules for the same host and match. */
import type { BackendChoice, Candidate, Filter, Route, Rule } from "./model.ts";
import { compareObjects } from "./precedence.ts";

/**
 * The candidate that answers for `candidates`, which all ask for the same. Within a cluster the first by precedence
 * hides the others. Clusters share the calls by their cluster weights, each as its own rule's weights say; one whose
 * rule's weights come to nothing takes no share. The merged rule bears the name of the first by precedence. If that one
 * answers by itself, it does so for all.
 */
export function mergeClusters(candidates: readonly Candidate[]): Candidate {
  if (candidates.length === 1) return candidates[0]!;
  const byCluster = Map.groupBy(candidates.toSorted(compareObjects), ({ route }) => route.cluster);
  const [winner, ...others] = Array.from(byCluster.values(), (own) => own[0]!);
  if (winner === undefined) throw new Error("nothing to merge");
  if (answers(winner)) return winner;
  const forwarding = [winner, ...others.filter((candidate) => !answers(candidate))];
  return forwarding.length === 1 ? winner : Object.freeze({ ...winner, rule: mergeRules(winner.rule, forwarding) });
}

/** Whether the rule answers by itself instead of a backend. */
export function answers({ rule }: Candidate): boolean {
  return rule.filters.some(({ kind }) => kind === "redirect" || kind === "directResponse");
}

/**
 * Filters that not all rules have stay with the backends of their own rule, but for CORS: the first rule's holds for
 * all, as preflights are answered before a backend is chosen.
 */
function mergeRules(first: Rule, candidates: readonly Candidate[]): Rule {
  const alike = candidates.every(({ rule }) => sameFilters(ofBackends(rule), ofBackends(first)));
  const weights = clusterWeights(candidates.map(({ route }) => route));
  return Object.freeze({
    ...first,
    filters: alike ? first.filters : first.filters.filter(isCors),
    backends: Object.freeze(
      candidates.flatMap(({ rule }, index) => shares(rule, weights[index]!, alike ? noFilters : ofBackends(rule))),
    ),
  });
}

/** What the backends of each cluster weigh together. */
function clusterWeights(routes: readonly Route[]): readonly number[] {
  const sum = routes.reduce((total, { clusterWeight }) => total + clusterWeight, 0);
  return routes.map(({ clusterWeight }) => (sum === 0 ? 1 / routes.length : clusterWeight / sum) * wholeWeight);
}

const noFilters: readonly Filter[] = Object.freeze([]);

const isCors = ({ kind }: Filter): boolean => kind === "cors";

function ofBackends({ filters }: Rule): readonly Filter[] {
  return filters.filter((filter) => !isCors(filter));
}

function sameFilters(a: readonly Filter[], b: readonly Filter[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What a merged rule's weights come to: fine enough that rounding shifts less than one call in a million. */
const wholeWeight = 1_000_000_000_000;

/** The rule's backends with weights that come to `share`, each with `filters` before its own. */
function shares(rule: Rule, share: number, filters: readonly Filter[]): BackendChoice[] {
  const sum = rule.backends.reduce((total, choice) => total + choice.weight, 0);
  return rule.backends.map((choice) =>
    Object.freeze({
      ...choice,
      weight: sum === 0 ? 0 : Math.round((choice.weight / sum) * share),
      filters: Object.freeze([...filters, ...choice.filters]),
    }),
  );
}
