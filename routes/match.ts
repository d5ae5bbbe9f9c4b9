/** Finds the rule that a request belongs to. Writes nothing to the table and reads no more of the request than it must. */
import {
  FrozenMap,
  type Bucket,
  type Candidate,
  type LabelNode,
  type PathIndex,
  type RouteTable,
  type Scheme,
  type SchemeIndex,
  type SegmentNode,
  type Shape,
  type ValueTree,
} from "./model.ts";
import { compareConditions, compareObjects } from "./precedence.ts";
import { grpcMethodOf, hostOf, isGrpcPath, parseQuery } from "./request.ts";

/** What a request is matched by. */
export interface Facts {
  readonly scheme: Scheme;
  /** The authority as received: in any case, with or without a port. */
  readonly host: string;
  /** Without query. */
  readonly path: string;
  /** Without "?". */
  readonly query: string;
  readonly method: string;
  /** The value of a header by its lower-case name. */
  header(name: string): string | undefined;
}

/**
 * The rule that `facts` belong to, if any. The hosts are tried from the most specific to the least, see
 * precedence.ts, and in each the paths; so the first place that has a match has the winner.
 */
export function match(table: RouteTable, facts: Facts): Candidate | undefined {
  const { exact, wildcards, any } = table.hosts;
  const search = new Search(facts);
  const host = hostOf(facts.host);
  return search.inScheme(exact?.get(host)) ?? search.inLabels(wildcards, host, host.length) ?? search.inScheme(any);
}

class Search {
  readonly #facts: Facts;
  #params: ReadonlyMap<string, string> | undefined;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** `node` stands for the labels of `host` from `end` on. A wildcard stands for one label at least. */
  inLabels(node: LabelNode, host: string, end: number): Candidate | undefined {
    if (node.labels === undefined) return undefined;
    const dot = host.lastIndexOf(".", end - 1);
    if (dot <= 0) return undefined;
    const next = node.labels.get(host.slice(dot + 1, end));
    return next && (this.inLabels(next, host, dot) ?? this.inScheme(next.rules));
  }

  inScheme(rules: SchemeIndex | undefined): Candidate | undefined {
    const paths = this.#facts.scheme === "https" ? rules?.https : rules?.http;
    return paths && this.#inPaths(paths);
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
    for (const shape of bucket.shapes) {
      if (best !== undefined && compareConditions(best.match, shape) < 0) break;
      const found = this.#inShape(shape);
      if (found !== undefined && (best === undefined || compareObjects(found, best) < 0)) best = found;
    }
    return best ?? bucket.always;
  }

  #inShape(shape: Shape): Candidate | undefined {
    let values: ValueTree | undefined = shape.values;
    if (shape.method) values = follow(values, this.#facts.method);
    for (const name of shape.headers) {
      if (values === undefined) return undefined;
      values = follow(values, this.#facts.header(name));
    }
    for (const name of shape.params) {
      if (values === undefined) return undefined;
      values = follow(values, this.#param(name));
    }
    return values instanceof FrozenMap ? undefined : values;
  }

  #param(name: string): string | undefined {
    this.#params ??= parseQuery(this.#facts.query);
    return this.#params.get(name);
  }
}

function follow(values: ValueTree, value: string | undefined): ValueTree | undefined {
  return value !== undefined && values instanceof FrozenMap ? values.get(value) : undefined;
}
