/** Connections to one address of an origin, as they stand. Plain data. */
export interface PoolStats {
  /** The backend whose address it is. */
  readonly backend: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: "http1" | "http2";
  readonly tls: boolean;
  readonly connections: number;
  /** Calls under way. */
  readonly calls: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
  readonly state: EndpointState;
}

/** Whether it gets calls, or why it gets none while others can take them. */
export type EndpointState = "well" | "unhealthy" | "ejected" | "unreachable";
