/** What the tests ask of the page, and what it says became of it. Plain data: it crosses into the browser and back. */

export const clients = ["connect", "connect-json", "grpc-web", "grpc-web-npm-text", "grpc-web-npm-binary"] as const;

/** Connect and gRPC-Web as connect-web speaks them, and gRPC-Web as the npm package grpc-web does. */
export type ClientName = (typeof clients)[number];

export interface Call {
  readonly client: ClientName;
  /** "https://host:port". */
  readonly url: string;
  /** "package.Service/Method". */
  readonly method: string;
  readonly request: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Whether cookies go along. */
  readonly credentials?: boolean;
  readonly cancelAfterMs?: number;
}

export interface Outcome {
  readonly messages: readonly any[];
  /** Milliseconds since the call began when each came. */
  readonly times: readonly number[];
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  readonly error?: Failure;
}

export interface Failure {
  /** A gRPC status number. */
  readonly code: number;
  readonly message: string;
  readonly details: readonly unknown[];
}
