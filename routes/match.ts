/** Finds the rule that a request belongs to. Writes nothing to the table and reads no more of the request than it must. */
import {
  FrozenMap,
  type Bucket,
  type HostRules,
  type LabelNode,
  type PathIndex,
  type SegmentNode,
  type Shape,
  type ValueTree,
} from "./host-index.ts";
import type { Candidate, RouteTable } from "./model.ts";
import { compareObjects } from "./precedence.ts";
import { grpcMethodOf, hostOf, isGrpcPath } from "./request.ts";
import { View, mayBeCall, speaksAny, type Facts } from "./view.ts";

export { everyProtocol, type Facts } from "./view.ts";

/**
 * The rule that `facts` belong to, if any. The hosts are tried from the most specific to the least, see
 * precedence.ts, and in each the paths; so the first place that has a match has the winner.
 */
export function match(table: RouteTable, facts: Facts): Candidate | undefined {
  const { exact, wildcards, any } = table.hosts;
  const host = hostOf(facts.host);
  const search = new Search(facts, host);
  return search.inHost(exact?.get(host)) ?? search.inLabels(wildcards, host.length) ?? search.inHost(any);
}

class Search {
  readonly #facts: Facts;
  readonly #host: string;
  #view: View | undefined;

  constructor(facts: Facts, host: string) {
    this.#facts = facts;
    this.#host = host;
  }

  /** Made only for what needs it: most requests do not. */
  get #seen(): View {
    return (this.#view ??= new View(this.#facts, this.#host));
  }

  /** `node` stands for the host's labels from `end` on. A wildcard stands for one label at least. */
  inLabels(node: LabelNode, end: number): Candidate | undefined {
    if (node.labels === undefined) return undefined;
    const host = this.#host;
    const dot = host.lastIndexOf(".", end - 1);
    if (dot <= 0) return undefined;
    const next = node.labels.get(host.slice(dot + 1, end));
    if (next === undefined) return undefined;
    return (
      this.inLabels(next, dot) ??
      (host.indexOf(".") === dot ? this.inHost(next.single) : undefined) ??
      this.inHost(next.rules)
    );
  }

  inHost(rules: HostRules | undefined): Candidate | undefined {
    if (rules === undefined) return undefined;
    if ("route" in rules) return this.#facts.path.startsWith("/") ? rules : undefined;
    let paths: PathIndex | undefined = "http" in rules ? rules[this.#facts.scheme] : rules;
    let found: Candidate | undefined;
    while (found === undefined && paths !== undefined) {
      found = this.#inPaths(paths);
      paths = paths.lower;
    }
    return found;
  }

  #inPaths(paths: PathIndex): Candidate | undefined {
    const { path } = this.#facts;
    if (!path.startsWith("/")) return undefined;
    const { exact, prefixes, methods } = paths;
    return (
      this.#inBucket(exact?.get(path)) ??
      this.#inNextSegment(prefixes, 1) ??
      (methods && isGrpcPath(path) ? this.#inBucket(methods.get(grpcMethodOf(path))) : undefined) ??
      this.#inBucket(prefixes.prefix)
    );
  }

  /** Below `node`, which stands for the segments of the path that end before `start`. */
  #inNextSegment(node: SegmentNode, start: number): Candidate | undefined {
    const { path } = this.#facts;
    if (node.segments === undefined || start > path.length) return undefined;
    const slash = path.indexOf("/", start);
    const end = slash === -1 ? path.length : slash;
    const next = node.segments.get(path.slice(start, end));
    if (next === undefined) return undefined;
    return (
      this.#inNextSegment(next, end + 1) ??
      (next.service && isGrpcPath(path) ? this.#inBucket(next.service) : undefined) ??
      this.#inBucket(next.prefix)
    );
  }

  /** The shapes' order decides, and between equals among them the objects. */
  #inBucket(bucket: Bucket | undefined): Candidate | undefined {
    if (bucket === undefined || !("shapes" in bucket)) return bucket;
    let best: Candidate | undefined;
    let least = 0;
    for (const shape of bucket.shapes) {
      if (shape.specificity < least) break;
      const found = this.#inShape(shape);
      if (found === undefined) continue;
      if (best === undefined || compareObjects(found, best) < 0) best = found;
      least = shape.specificity;
    }
    return best ?? bucket.always;
  }

  #inShape(shape: Shape): Candidate | undefined {
    if (shape.rpcOnly && !mayBeCall(this.#facts)) return undefined;
    if (!speaksAny(this.#facts, shape.protocols)) return undefined;
    let values: ValueTree | undefined = shape.values;
    if (shape.method) values = follow(values, this.#facts.method);
    for (const name of shape.headers) {
      if (values === undefined) return undefined;
      values = follow(values, this.#facts.header(name));
    }
    for (const name of shape.params) {
      if (values === undefined) return undefined;
      values = follow(values, this.#seen.param(name));
    }
    if (values === undefined || values instanceof FrozenMap) return undefined;
    return shape.conditions.length === 0 || this.#seen.meetsAll(shape.conditions) ? values : undefined;
  }
}

function follow(values: ValueTree, value: string | undefined): ValueTree | undefined {
  return value !== undefined && values instanceof FrozenMap ? values.get(value) : undefined;
}
