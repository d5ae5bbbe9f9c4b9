/** Connections to one address of an origin, as they stand. Plain data. */
export interface PoolStats {
  readonly host: string;
  readonly port: number;
  readonly protocol: "http1" | "http2";
  readonly tls: boolean;
  readonly connections: number;
  /** Calls under way. */
  readonly calls: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
}
