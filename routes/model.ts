/**
 * The compiled route table, as plain data.
 * Every object in it is frozen to its leaves: readers share one table, and a new one replaces it whole.
 */

import type { HostIndex } from "./host-index.ts";
import type {
  CircuitBreaker,
  Fault,
  Hedging,
  HealthCheck,
  Jwt,
  LoadBalancing,
  OriginTls,
  OutlierDetection,
  RateLimit,
  Retry,
  SessionPersistence,
  Timeouts,
} from "./policies.ts";
import type { Pattern, Substitution } from "./regex.ts";

/** "http" also stands for HTTP/2 with prior knowledge (h2c). */
export type Scheme = "http" | "https";

/** A name, lower case where it is a header's, and its value. */
export type Pair = readonly [name: string, value: string];

/** A Kubernetes object. */
export interface Source {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The very rule of a Kubernetes object. */
export interface RuleSource extends Source {
  readonly cluster: string;
  readonly ruleIndex: number;
}

/** Rules that share hostnames and one source object. */
export interface Route {
  readonly cluster: string;
  /** Unique within the cluster. */
  readonly key: string;
  readonly source: Source;
  /** Unix seconds. */
  readonly created: number;
  /** "a.example.com" or "*.example.com". Empty: every host. */
  readonly hostnames: readonly string[];
  /** Whether "*" stands for exactly one label instead of one or more. */
  readonly singleLabel: boolean;
  /** Empty: every scheme. */
  readonly schemes: readonly Scheme[];
  /** The cluster's share of the calls among the clusters that have the same host and match. */
  readonly clusterWeight: number;
  /**
   * Among the clusters that have the same host and match, the lowest serves; the others do when none of it can. At least
   * 2^32 if its cluster is a last resort.
   */
  readonly failover: number;
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly source: RuleSource;
  /** Among the rules of one hostname the highest is tried first. */
  readonly priority: number;
  /** Any of them; never empty. */
  readonly matches: readonly Match[];
  /** In the order in which they apply. */
  readonly filters: readonly Filter[];
  /** Empty, or of no weight in all: the rule answers with an error, unless a filter answers. */
  readonly backends: readonly BackendChoice[];
  /** Of its source object's rule. Undefined: it has none. */
  readonly name: string | undefined;
  readonly timeouts: Timeouts | undefined;
  readonly retry: Retry | undefined;
  readonly hedging: Hedging | undefined;
  readonly session: SessionPersistence | undefined;
  /**
   * The clusters that share the calls of this host and match, by order of failover and then of precedence; one is chosen,
   * and then its own rule holds in place of this. Never empty. Undefined: this cluster alone.
   */
  readonly clusters: readonly ClusterShare[] | undefined;
}

/** One cluster's part in a rule that several have. */
export interface ClusterShare {
  readonly cluster: string;
  /** Its share of the calls among those of the same `failover`, which have some in all. */
  readonly weight: number;
  /** The lowest serves; the others do when none of it can. */
  readonly failover: number;
  /** With what the cluster's own rule asks for. */
  readonly rule: Rule;
}

/** All conditions must hold. Two matches that ask for the same are equal field by field. */
export interface Match {
  /** Index of the match in its rule. */
  readonly index: number;
  readonly path: PathMatch;
  /** Whether only calls will do (gRPC, gRPC-Web, Connect) and no other HTTP. */
  readonly rpcOnly: boolean;
  /** What the caller speaks, any of them, sorted. Empty: every protocol, or every call's where `rpcOnly` is set. */
  readonly protocols: readonly CallProtocol[];
  /** HTTP method; undefined: every method. */
  readonly method: string | undefined;
  /** Sorted by name; a name occurs once. */
  readonly headers: readonly Pair[];
  /** Sorted by name; a name occurs once. Compared after percent-decoding. */
  readonly params: readonly Pair[];
  /** What no lookup can tell. Sorted; each occurs once. */
  readonly conditions: readonly Condition[];
}

/** "http" is what is no call. */
export type CallProtocol = "connect" | "grpc" | "grpc-web" | "http";

export interface Condition {
  readonly subject: Subject;
  /** What the whole value must match; undefined: any value will do. */
  readonly pattern: Pattern | undefined;
  /** Whether it must not match. What the request does not have matches nothing. */
  readonly negate: boolean;
}

export type Subject =
  | { readonly kind: "header" | "param"; readonly name: string }
  | { readonly kind: "path" | "host" | "method" | "scheme"; readonly name?: undefined };

export type PathMatch =
  | { readonly kind: "exact"; readonly path: string }
  /** Whole segments, without the trailing slash: "/a", and "/" for every path. */
  | { readonly kind: "prefix"; readonly path: string }
  /** The paths "/service/ANY" of exactly two segments. */
  | { readonly kind: "service"; readonly service: string }
  /** The paths "/ANY/method" of exactly two segments. */
  | { readonly kind: "method"; readonly method: string };

export type Filter = HeaderFilter | UrlRewrite | Redirect | DirectResponse | Cors | Mirror | Fault | RateLimit | Jwt;

/** Gateway API's HTTPHeaderFilter: set replaces, add appends, remove deletes. */
export interface HeaderFilter {
  readonly kind: "requestHeaders" | "responseHeaders" | "responseTrailers";
  readonly set: readonly Pair[];
  readonly add: readonly Pair[];
  readonly remove: readonly string[];
}

/** What the origin gets in place of the caller's; undefined: as it is. */
export interface UrlRewrite {
  readonly kind: "urlRewrite";
  readonly authority: string | undefined;
  readonly path: PathModifier | undefined;
}

/** Answers with a Location made of the request's URL; undefined: as the request's. */
export interface Redirect {
  readonly kind: "redirect";
  readonly scheme: Scheme | undefined;
  readonly hostname: string | undefined;
  /** Undefined: the scheme's own where the scheme is set, else the request's. */
  readonly port: number | undefined;
  readonly path: PathModifier | undefined;
  /** Without "?"; empty: none. */
  readonly query: string | undefined;
  readonly status: number;
}

export interface DirectResponse {
  readonly kind: "directResponse";
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** A copy of a share of the calls goes there too, and its answer nowhere. */
export interface Mirror {
  readonly kind: "mirror";
  /** Undefined: it cannot be served, and nothing is sent. */
  readonly backend: Backend | undefined;
  /** Of the calls, in [0, 1]. */
  readonly share: number;
}

/** Lets pages of other origins call; in place of whatever the origin server says about CORS. */
export interface Cors {
  readonly kind: "cors";
  /** Whether every origin may call. */
  readonly anyOrigin: boolean;
  /** As browsers write them: "https://a.example.com". */
  readonly origins: readonly string[];
  readonly wildcards: readonly OriginWildcard[];
  readonly credentials: boolean;
  /** Empty: the one that a preflight asks for. */
  readonly allowMethods: readonly string[];
  /** Undefined: those of gRPC-Web and Connect, and what a preflight asks for; empty: what it asks for. */
  readonly allowHeaders: readonly string[] | undefined;
  /** Empty: all that an answer has. */
  readonly exposeHeaders: readonly string[];
  /** Undefined: the browser's default. */
  readonly maxAgeSeconds: number | undefined;
}

/** The origins with a host name, or a part of one, between these: "https://" and ".example.com:8443". */
export interface OriginWildcard {
  readonly prefix: string;
  readonly suffix: string;
}

export type PathModifier =
  | { readonly kind: "full"; readonly path: string }
  /** In place of the match's exact path or prefix. Without the trailing slash; empty: nothing. */
  | { readonly kind: "prefix"; readonly path: string }
  | { readonly kind: "regex"; readonly pattern: Pattern; readonly substitution: Substitution };

interface Choice {
  /** Share of the rule's calls: weight over the sum of the rule's weights. A whole number. */
  readonly weight: number;
  /** What applies to calls of this choice only, after the rule's own filters. */
  readonly filters: readonly Filter[];
}

/** Where a share of a rule's calls goes: to a backend, or to an error that says why there is none. */
export type BackendChoice =
  | (Choice & { readonly backend: Backend; readonly invalid: undefined })
  | (Choice & { readonly backend: undefined; readonly invalid: string });

export interface Backend {
  /** "cluster/namespace/name:port". */
  readonly name: string;
  readonly source: Source;
  /**
   * "http2" takes gRPC and plain HTTP, "grpc" nothing but gRPC; "grpc-web" and "connect" take calls in that, and plain
   * HTTP.
   */
  readonly protocol: "http1" | "http2" | "grpc" | "grpc-web" | "connect";
  /** What carries it. */
  readonly http: "http1" | "http2";
  readonly transport: Transport;
  /** One of Cloudflare's, near which connections are kept. Undefined: near the first call. */
  readonly locationHint: string | undefined;
  readonly tls: boolean;
  /** Undefined where `tls` is not set, or where it asks for nothing of its own. */
  readonly originTls: OriginTls | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly loadBalancing: LoadBalancing;
  readonly healthCheck: HealthCheck | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly circuitBreaker: CircuitBreaker | undefined;
  /** Until a connection is open. */
  readonly connectTimeoutMs: number;
  /** The hash of its descriptor set, by which the edge can be asked for it. Undefined: none is known. */
  readonly descriptors: string | undefined;
}

/**
 * How a host with more ways than one reaches it: by connections of its own, through a VPC Network, by fetch, or by
 * fetch in gRPC-Web that Cloudflare converts.
 */
export type Transport = "connection" | "vpc-network" | "fetch" | "grpc-web-convert";

export interface Endpoint {
  /** Host name or IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** One cluster's share of the table, checked. */
export interface ClusterPart {
  readonly cluster: string;
  readonly routes: readonly Route[];
  readonly backends: readonly Backend[];
  readonly certificates: readonly Certificate[];
  /** Whether its rules serve only calls that no other cluster can. */
  readonly lastResort: boolean;
}

/** What a listener proves itself by. */
export interface Certificate {
  /** Unique within the cluster. */
  readonly key: string;
  readonly source: Source;
  /** "a.example.com", or "*.example.com" for one label below. Empty: every name. */
  readonly hostnames: readonly string[];
  /** PEM. */
  readonly chain: string;
  /** PEM. */
  readonly privateKey: string;
  /** PEM: whose client certificates are asked for. Undefined: none are. */
  readonly clientCa: string | undefined;
  /** Whether callers may do without one. */
  readonly clientOptional: boolean;
}

/** One match of one rule for one hostname: what requests are held against, and what wins. */
export interface Candidate {
  /** Of the route's hostnames, or "" for every host. */
  readonly hostname: string;
  readonly route: Route;
  readonly rule: Rule;
  readonly match: Match;
}

/** All clusters' parts, with an index over their candidates. */
export interface RouteTable {
  /** Grows with every change. 0: of a table that nobody numbered. */
  readonly revision: bigint;
  readonly parts: readonly ClusterPart[];
  readonly hosts: HostIndex;
}
