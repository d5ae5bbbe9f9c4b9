/** One rule out of several clusters' rules for the same host and match. */
import type { BackendChoice, Candidate, ClusterShare, Rule } from "./model.ts";
import { compareObjects } from "./precedence.ts";

/**
 * The candidate that answers for `candidates`, which all ask for the same. Within a cluster the first by precedence
 * hides the others. The first of all gives the merged rule its name and what applies before a cluster is chosen; if it
 * answers by itself, it does so for all.
 */
export function mergeClusters(candidates: readonly Candidate[]): Candidate {
  if (candidates.length === 1) return candidates[0]!;
  const byCluster = Map.groupBy(candidates.toSorted(compareObjects), ({ route }) => route.cluster);
  const firsts = Array.from(byCluster.values(), (own) => own[0]!);
  const [winner] = firsts;
  if (winner === undefined) throw new Error("nothing to merge");
  const sharing = firsts.filter(forwards);
  if (answers(winner) || sharing.every((candidate) => candidate === winner)) return winner;
  return Object.freeze({ ...winner, rule: Object.freeze({ ...winner.rule, clusters: sharesOf(sharing) }) });
}

/** Whether the rule answers by itself instead of a backend. */
export function answers({ rule }: Candidate): boolean {
  return rule.filters.some(({ kind }) => kind === "redirect" || kind === "directResponse");
}

/** Whether the rule has a part in what clusters share: it has backends with weights, and does not answer by itself. */
function forwards(candidate: Candidate): boolean {
  return !answers(candidate) && candidate.rule.backends.some(({ weight }) => weight > 0);
}

/** Precedence has ordered them by failover. */
function sharesOf(candidates: readonly Candidate[]): readonly ClusterShare[] {
  const ranks = Map.groupBy(candidates, ({ route }) => route.failover);
  return Object.freeze(
    candidates.map(({ route: { cluster, clusterWeight, failover }, rule }) => {
      const weightless = ranks.get(failover)!.every(({ route }) => route.clusterWeight === 0);
      return Object.freeze({ cluster, weight: weightless ? 1 : clusterWeight, failover, rule });
    }),
  );
}

/** Where a part of a rule's calls goes. */
export interface BackendShare {
  readonly choice: BackendChoice;
  /** The cluster's own, whose filters and policies apply. */
  readonly rule: Rule;
  /** 0 serves; 1 does when none of it can, and so on. */
  readonly failover: number;
  /** Of the calls that come to those of the same `failover`, in [0, 1]. */
  readonly share: number;
}

/** Where the rule's calls go, of all clusters that share it, while every backend can take them. */
export function backendShares(rule: Rule): readonly BackendShare[] {
  if (rule.clusters === undefined) return sharesOfOne(rule, 0, 1);
  const ranks = Map.groupBy(rule.clusters, ({ failover }) => failover);
  return [...ranks.values()].flatMap((clusters, rank) => {
    const sum = sumOf(clusters);
    return clusters.flatMap((own) => sharesOfOne(own.rule, rank, own.weight / sum));
  });
}

function sharesOfOne(rule: Rule, failover: number, whole: number): BackendShare[] {
  const sum = sumOf(rule.backends);
  return rule.backends.map((choice) => {
    const share = sum === 0 ? 0 : (whole * choice.weight) / sum;
    return { choice, rule, failover, share };
  });
}

function sumOf(choices: readonly { readonly weight: number }[]): number {
  return choices.reduce((total, { weight }) => total + weight, 0);
}
