/** One rule out of several clusters' rules for the same host and match. */
import type { BackendChoice, Candidate, Filter, Rule } from "./model.ts";
import { compareObjects } from "./precedence.ts";

/**
 * The candidate that answers for `candidates`, which all ask for the same. Within a cluster the first by precedence
 * hides the others. Clusters share the calls equally, each as its own rule's weights say; one whose weights come to
 * nothing takes no share. The merged rule bears the name of the first by precedence.
 */
export function mergeClusters(candidates: readonly Candidate[]): Candidate {
  if (candidates.length === 1) return candidates[0]!;
  const byCluster = Map.groupBy(candidates.toSorted(compareObjects), ({ route }) => route.cluster);
  const firsts = Array.from(byCluster.values(), (own) => own[0]!);
  const winner = firsts[0]!;
  if (firsts.length === 1) return winner;
  return Object.freeze({ ...winner, rule: mergeRules(firsts.map((candidate) => candidate.rule)) });
}

/** Filters that not all rules have stay with the backends of their own rule. */
function mergeRules(rules: readonly Rule[]): Rule {
  const first = rules[0]!;
  const alike = rules.every((rule) => sameFilters(rule.filters, first.filters));
  return Object.freeze({
    ...first,
    filters: alike ? first.filters : noFilters,
    backends: Object.freeze(rules.flatMap((rule) => shares(rule, alike ? noFilters : rule.filters))),
  });
}

const noFilters: readonly Filter[] = Object.freeze([]);

function sameFilters(a: readonly Filter[], b: readonly Filter[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What a cluster's weights come to in a merged rule: fine enough that rounding shifts less than one call in a million. */
const clusterShare = 1_000_000_000;

/** The rule's backends with weights that come to a cluster's share, each with `filters` before its own. */
function shares(rule: Rule, filters: readonly Filter[]): BackendChoice[] {
  const sum = rule.backends.reduce((total, choice) => total + choice.weight, 0);
  return rule.backends.map((choice) =>
    Object.freeze({
      ...choice,
      weight: sum === 0 ? 0 : Math.round((choice.weight / sum) * clusterShare),
      filters: Object.freeze([...filters, ...choice.filters]),
    }),
  );
}
