/**
 * Why a request goes where it goes, as JSON: what `edgeway explain --json` prints, what the edge answers at
 * /_edgeway/explain, and what the console shows.
 */
import { coversHost, explain, type Verdict } from "../../routes/explain.ts";
import { match } from "../../routes/match.ts";
import { backendShares, type BackendShare as RuleShare } from "../../routes/merge.ts";
import type { Candidate, Filter, Mirror, RouteTable, Rule, RuleSource } from "../../routes/model.ts";
import { hostOf } from "../../routes/request.ts";
import type { RequestHead } from "../call/http.ts";
import type { EndpointState } from "../call/pool-stats.ts";
import { factsOf, normalised, protocolsOf } from "../plan.ts";
import { detect } from "../protocol/index.ts";
import type { WithheldHostname } from "./granted.ts";

export interface Explanation {
  readonly request: {
    readonly method: string;
    readonly scheme: string;
    readonly authority: string;
    /** In the spelling that is matched and sent, see routes/normal-path.ts. */
    readonly path: string;
    /** Whether it is a call: gRPC, gRPC-Web or Connect. */
    readonly call: boolean;
  };
  /** Of the table; "0" if nobody numbered it. */
  readonly revision: string;
  /** Why the request is refused before a rule is looked for. Null: it is not. */
  readonly refused: string | null;
  /** The rule that takes it. Null: none does. */
  readonly winner: Winner | null;
  /** Every rule of its host: the one that wins, those of clusters that share, and those that lose, with the reason. */
  readonly rules: readonly RuleOutcome[];
  /** What clusters have for its host and are not granted, as far as it is known to who answers. */
  readonly withheld: readonly WithheldHostname[];
}

export interface Winner extends RuleName {
  readonly filters: readonly FilterView[];
  /** Clusters that have the same host and match. Empty: its own alone. */
  readonly clusters: readonly ClusterPart[];
  readonly backends: readonly BackendShare[];
}

/** A filter as it may be shown: a backend has keys that are nobody's business. */
export type FilterView =
  Exclude<Filter, Mirror> | { readonly kind: "mirror"; readonly backend: string | null; readonly share: number };

interface ClusterPart {
  readonly cluster: string;
  readonly weight: number;
  /** The lowest serves; the others do when none of it can. */
  readonly failover: number;
}

export interface BackendShare {
  /** "cluster/namespace/name:port". Null: calls of this share are answered with an error. */
  readonly backend: string | null;
  /** Why there is no backend. */
  readonly invalid: string | null;
  readonly weight: number;
  /** 0 serves; 1 does when none of it can, and so on. */
  readonly failover: number;
  /** Of the calls that come to those of the same `failover`, in [0, 1]. */
  readonly share: number;
  /** What it speaks, and what carries it. */
  readonly protocol: string | null;
  readonly transport: string | null;
  readonly tls: boolean;
  readonly endpoints: readonly EndpointView[];
  /** After the rule's own. */
  readonly filters: readonly FilterView[];
}

export interface EndpointView {
  readonly host: string;
  readonly port: number;
  /** Missing: no call went there yet, or nobody who knows was asked. */
  readonly state?: EndpointState;
}

/** What an edge knows of its backends' addresses. */
export type StateOf = (backend: string, host: string, port: number) => EndpointState | undefined;

/** A rule's match, by the object that it came from. */
export interface RuleName extends RuleSource {
  readonly matchIndex: number;
  /** Empty: every host. */
  readonly hostname: string;
  readonly priority: number;
  readonly match: Candidate["match"];
}

export interface RuleOutcome extends RuleName {
  readonly outcome: Verdict["outcome"];
  /** Of the calls, or of those that come to who stands by, in [0, 1]. */
  readonly share: number;
  readonly reason?: string | undefined;
}

export function explainRequest(
  asked: RequestHead,
  table: RouteTable,
  stateOf: StateOf = unknown,
  notGranted: readonly WithheldHostname[] = [],
): Explanation {
  const head = normalised(asked);
  const { method, scheme, authority, path } = head;
  const accepted = detect(head);
  const request = { method, scheme, authority, path, call: accepted.kind === "rpc" };
  const revision = String(table.revision);
  if (accepted.kind === "refused")
    return { request, revision, refused: accepted.error.message, winner: null, rules: [], withheld: [] };
  const facts = factsOf(head, method, protocolsOf(accepted));
  const found = match(table, facts);
  const rules = explain(table, facts).map(({ candidate, outcome, share, reason }) => ({
    ...nameOf(candidate),
    outcome,
    share,
    ...(reason !== undefined && { reason }),
  }));
  const winner = found === undefined ? null : winnerOf(found, stateOf);
  const host = hostOf(authority);
  const withheld = notGranted.filter(({ hostname }) => coversHost(hostname, host));
  return { request, revision, refused: null, winner, rules, withheld };
}

const unknown: StateOf = () => undefined;

function winnerOf(found: Candidate, stateOf: StateOf): Winner {
  const { filters, clusters = [] } = found.rule;
  return {
    ...nameOf(found),
    filters: filtersView(filters),
    clusters: clusters.map(({ cluster, weight, failover }) => ({ cluster, weight, failover })),
    backends: sharesOf(found.rule, stateOf),
  };
}

/** Where a rule's calls go. Of several clusters, each with the filters that its own rule has. */
export function sharesOf(rule: Rule, stateOf: StateOf = unknown): BackendShare[] {
  const several = rule.clusters !== undefined;
  return backendShares(rule).map((share) => shareOf(share, several ? share.rule.filters : [], stateOf));
}

export function filtersView(filters: readonly Filter[]): FilterView[] {
  return filters.map((filter) =>
    filter.kind === "mirror" ? { ...filter, backend: filter.backend?.name ?? null } : filter,
  );
}

function shareOf({ choice, failover, share }: RuleShare, own: readonly Filter[], stateOf: StateOf): BackendShare {
  const { backend, invalid, weight, filters } = choice;
  return {
    backend: backend?.name ?? null,
    invalid: invalid ?? null,
    weight,
    failover,
    share,
    protocol: backend?.protocol ?? null,
    transport: backend?.transport ?? null,
    tls: backend?.tls ?? false,
    endpoints: (backend?.endpoints ?? []).map(({ host, port }) => {
      const state = stateOf(backend!.name, host, port);
      return { host, port, ...(state && { state }) };
    }),
    filters: filtersView([...own, ...filters]),
  };
}

export function nameOf({ hostname, rule, match: asked }: Candidate): RuleName {
  return { ...rule.source, matchIndex: asked.index, hostname, priority: rule.priority, match: asked };
}
