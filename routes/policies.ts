/** What rules and backends ask for beyond where calls go. Times are milliseconds; shares of calls are in [0, 1]. */

/** Undefined: no limit. */
export interface Timeouts {
  /** From the call's first byte until its answer begins, over all attempts. */
  readonly requestMs: number | undefined;
  /** The same for each attempt by itself. */
  readonly backendRequestMs: number | undefined;
  /** Without a byte either way. */
  readonly idleMs: number | undefined;
}

/** When to send a call again. What the origin has certainly not begun to process is sent again in any case. */
export interface Retry {
  /** Beyond the first. */
  readonly attempts: number;
  readonly grpcCodes: readonly number[];
  readonly httpStatuses: readonly number[];
  /** Whether to try again when the connection or the stream broke before an answer began. */
  readonly onReset: boolean;
  /** Before the first retry; it doubles each time. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** Further attempts at a call that may be processed twice, while its answer is late. */
export interface Hedging {
  /** Beyond the first. */
  readonly attempts: number;
  readonly delayMs: number;
}

/** By what a caller's calls stay with one endpoint. */
export interface SessionPersistence {
  readonly carrier: "cookie" | "header";
  readonly name: string;
  /** Undefined: no limit. */
  readonly absoluteTimeoutSeconds: number | undefined;
  /** Whether the cookie outlives the browser's session. */
  readonly permanent: boolean;
}

/** How an endpoint is chosen. */
export interface LoadBalancing {
  readonly policy: "leastRequest" | "roundRobin" | "consistentHash";
  /** For consistentHash only. */
  readonly hash: HashKey | undefined;
  /** In which a new or recovered endpoint's share grows to the whole. */
  readonly slowStartMs: number;
}

export type HashKey =
  | { readonly kind: "header" | "cookie" | "param"; readonly name: string }
  /** The caller's address. */
  | { readonly kind: "source"; readonly name?: undefined };

export interface HealthCheck {
  readonly probe: GrpcProbe | HttpProbe | TcpProbe;
  /** Undefined: the endpoint's own. */
  readonly port: number | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

export interface GrpcProbe {
  readonly kind: "grpc";
  /** For grpc.health.v1.Health; empty: the server as a whole. */
  readonly service: string;
  /** Called instead, with an empty message. */
  readonly path: string | undefined;
  /** The codes that count as well; not empty where `path` is set. */
  readonly codes: readonly CodeRange[];
}

export interface HttpProbe {
  readonly kind: "http";
  readonly path: string;
  readonly method: string;
  /** Undefined: the endpoint's own. */
  readonly host: string | undefined;
  readonly statuses: readonly CodeRange[];
}

export interface TcpProbe {
  readonly kind: "tcp";
}

/** Both ends inclusive. */
export type CodeRange = readonly [first: number, last: number];

/** When an endpoint whose calls fail in a row gets none for a while. */
export interface OutlierDetection {
  readonly consecutiveFailures: number;
  readonly grpcCodes: readonly number[];
  readonly httpStatuses: readonly number[];
  /** The first time; the n-th is n times as long. */
  readonly baseEjectionMs: number;
  /** Of the backend's endpoints; one may be ejected in any case. */
  readonly maxEjectionPercent: number;
}

/** Infinity: no limit. */
export interface CircuitBreaker {
  readonly maxConnections: number;
  readonly maxPending: number;
  readonly maxCalls: number;
}

/** How an origin is known over TLS, and the edge to it. Equal ones are one object within a table. */
export interface OriginTls {
  /** SNI, and what the certificate must be for. Undefined: the endpoint's host. */
  readonly serverName: string | undefined;
  /** PEM. Undefined: the host's own trusted roots. */
  readonly ca: string | undefined;
  /** The certificate must be for one of these instead, unless empty: DNS names, or URIs. */
  readonly subjectAltNames: readonly string[];
  /** The edge's own, PEM. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
  /** Whether any certificate will do. */
  readonly insecure: boolean;
}

/** Fails or delays a share of the calls on purpose. */
export interface Fault {
  readonly kind: "fault";
  readonly delayMs: number;
  readonly delayShare: number;
  readonly abort: { readonly grpcCode: number } | { readonly httpStatus: number } | undefined;
  readonly abortShare: number;
}

export interface RateLimit {
  readonly kind: "rateLimit";
  readonly calls: number;
  readonly periodMs: number;
  /** At once. */
  readonly burst: number;
  /** Counted apart for each value; undefined: all together. */
  readonly key: { readonly header: string } | "source" | undefined;
  /** Unique among all rate limits of all tables that have the same rule and place: what is counted outlives a table. */
  readonly id: string;
}

export interface Jwt {
  readonly kind: "jwt";
  readonly issuer: string | undefined;
  readonly audiences: readonly string[];
  /** Where the issuer's keys are, or the JSON Web Key Set itself. */
  readonly keys: { readonly uri: string } | { readonly jwks: string };
  readonly claims: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly optional: boolean;
  readonly forward: boolean;
  /** Lower case; not empty. */
  readonly headers: readonly string[];
}
