/** The index of the compiled route table: what compile.ts builds and match.ts searches. Frozen like all of the table. */
import type { CallProtocol, Candidate, Condition } from "./model.ts";

/** Where to look, most specific first: `exact`, the deepest `wildcards`, `any`. */
export interface HostIndex {
  readonly exact: FrozenMap<HostRules> | undefined;
  readonly wildcards: LabelNode;
  readonly any: HostRules | undefined;
}

/** A tree of host labels from the right: "*.example.com" stands at com, example. */
export interface LabelNode {
  readonly labels: FrozenMap<LabelNode> | undefined;
  /** Where "*" stands for exactly one label. */
  readonly single: HostRules | undefined;
  readonly rules: HostRules | undefined;
}

/**
 * The rules of one hostname: where they tell schemes apart, else without that step; and where there is but one, for
 * every path and without conditions, that one. Each step is a place in memory that no cache holds in large tables.
 */
export type HostRules = Candidate | PathIndex | SchemeIndex;

export interface SchemeIndex {
  readonly http: PathIndex | undefined;
  readonly https: PathIndex | undefined;
}

/**
 * The rules of one priority. Where to look, most specific first: `exact`, then the deepest node of `prefixes`,
 * `methods` just before its root.
 */
export interface PathIndex {
  /** By whole path; a gRPC service and method is the path "/service/method". */
  readonly exact: FrozenMap<Bucket> | undefined;
  readonly prefixes: SegmentNode;
  /** By gRPC method, whatever the service. */
  readonly methods: FrozenMap<Bucket> | undefined;
  /** The rules of the next lower priority. */
  readonly lower: PathIndex | undefined;
}

/** A tree of path segments. */
export interface SegmentNode {
  readonly segments: FrozenMap<SegmentNode> | undefined;
  /** What asks for this gRPC service: nodes of depth one only. */
  readonly service: Bucket | undefined;
  readonly prefix: Bucket | undefined;
}

/** The candidates that ask for one and the same path: most often one alone, without conditions. */
export type Bucket = Candidate | Conditional;

export interface Conditional {
  /** By what they have conditions on; most specific first. */
  readonly shapes: readonly Shape[];
  /** The one without conditions. */
  readonly always: Candidate | undefined;
}

/**
 * Candidates that ask for exact values of the same names, so that one lookup per name finds the one whose values hold,
 * and whose other conditions are the same.
 */
export interface Shape {
  /** What specificityOf gives for each of them. */
  readonly specificity: number;
  readonly rpcOnly: boolean;
  readonly protocols: readonly CallProtocol[];
  /** Whether the HTTP method is a condition; it is looked up first, then headers, then params. */
  readonly method: boolean;
  readonly headers: readonly string[];
  readonly params: readonly string[];
  /** Tried one by one, after the lookups. */
  readonly conditions: readonly Condition[];
  readonly values: ValueTree;
}

export type ValueTree = Candidate | FrozenMap<ValueTree>;

/** A map that is truly frozen: Object.freeze leaves the entries of a Map open. */
export class FrozenMap<V> {
  readonly #entries: ReadonlyMap<string, V>;

  constructor(entries: Iterable<readonly [string, V]>) {
    this.#entries = new Map(entries);
    Object.freeze(this);
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  [Symbol.iterator](): Iterator<[string, V]> {
    return this.#entries[Symbol.iterator]();
  }
}
