/** The engine on real sockets, as the suites and interoperability tests of this folder drive it. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { selfSigned } from "../../cli/dev/front/certificates.ts";
import type { CallError } from "../../worker/call/error.ts";
import { Fields } from "../../worker/call/fields.ts";
import {
  type Answer,
  type Body,
  type BodySink,
  type Handler,
  type HttpRequest,
  noBody,
  type RequestHead,
} from "../../worker/call/http.ts";
import { nodeClock, nodeDefer } from "../../worker/host/node-runtime.ts";
import { connectTcp, nodeStream } from "../../worker/host/node-stream.ts";
import {
  connectHttp2,
  type Http2Client,
  type Http2ClientOptions,
  type Http2Server,
  type Http2ServerOptions,
  serveHttp2,
} from "../../worker/http2/index.ts";

export interface Listening {
  readonly port: number;
  readonly connections: ReadonlySet<Http2Server>;
  close(): Promise<void>;
}

/** Serves `handler` on a free port, over TLS with ALPN if asked. */
export async function listen(
  handler: Handler,
  { tls = false, ...options }: Partial<Http2ServerOptions> & { readonly tls?: boolean } = {},
): Promise<Listening> {
  const connections = new Set<Http2Server>();
  const sockets = new Set<Socket>();
  const serve = (socket: Socket | TLSSocket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    const server: Http2Server = serveHttp2(nodeStream(socket), {
      clock: nodeClock,
      defer: nodeDefer,
      scheme: tls ? "https" : "http",
      handler,
      onClose: () => connections.delete(server),
      ...options,
    });
    connections.add(server);
  };
  const server: Server = tls
    ? createTlsServer({ ...(await selfSigned()), ALPNProtocols: ["h2"] }, serve)
    : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: portOf(server),
    connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The port that a server listens on. */
export function portOf(server: { address(): unknown }): number {
  const address = server.address();
  if (typeof address === "object" && address !== null && "port" in address) return Number(address.port);
  throw new Error("the server does not listen on a port");
}

export async function connect(port: number, options: Partial<Http2ClientOptions> = {}): Promise<Http2Client> {
  const stream = await connectTcp({ port, host: "127.0.0.1" }, 2000);
  return connectHttp2(stream, { clock: nodeClock, defer: nodeDefer, ...options });
}

/** Sends the request's body back as it comes, with its trailers. */
export const echo: Handler = ({ body }, answer) => {
  const head = { status: 200, fields: Fields.from([["content-type", "application/octet-stream"]]) };
  answer.respond({ head, body });
  return (reason) => body.cancel(reason);
};

/** Reads the request to its end, then answers. */
export const answerAtEnd: Handler = ({ body }, answer) => {
  const respond = (): void => {
    const head = { status: 200, fields: Fields.from([["content-type", "text/plain"]]) };
    answer.respond({ head, body: bodyOf(new TextEncoder().encode("hello")) });
  };
  body.pipe({ write: ({ length }) => body.consumed(length), end: respond, fail() {} });
  return () => {};
};

/** What a body may have under way. */
const credit = 65_536;
const pieceBytes = 20_000;

/** A body of bytes that are at hand, written as fast as credit comes. */
class BytesBody implements Body {
  readonly #bytes: Uint8Array;
  readonly #trailers: Fields;
  #sink: BodySink | undefined;
  #sent = 0;
  #used = 0;
  #writing = false;

  constructor(bytes: Uint8Array, trailers: Fields) {
    this.#bytes = bytes;
    this.#trailers = trailers;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#write();
  }

  consumed(bytes: number): void {
    this.#used += bytes;
    this.#write();
  }

  cancel(): void {
    this.#sink = undefined;
  }

  #write(): void {
    if (this.#writing) return;
    this.#writing = true;
    const bytes = this.#bytes;
    while (this.#sent < bytes.length && this.#sent - this.#used < credit) {
      const piece = bytes.subarray(this.#sent, this.#sent + pieceBytes);
      this.#sent += piece.length;
      this.#sink?.write(piece);
    }
    this.#writing = false;
    if (this.#sent < bytes.length) return;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end(this.#trailers);
  }
}

export function bodyOf(bytes: Uint8Array, trailers: Fields = Fields.empty): Body {
  return new BytesBody(bytes, trailers);
}

export interface Reply {
  readonly status: number;
  readonly fields: Fields;
  readonly bytes: number;
  /** A sum over the body, to tell one from another. */
  readonly sum: number;
  readonly trailers: Fields;
}

export function sumOf(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i]!) | 0;
  return sum;
}

/** One call from beginning to end. Rejects with the {@link CallError} it fails with. */
export function call(client: Http2Client, head: Partial<RequestHead> & { readonly body?: Body } = {}): Promise<Reply> {
  const { body = noBody, ...given } = head;
  const request: HttpRequest = {
    head: { method: "POST", scheme: "http", authority: "localhost", path: "/", fields: Fields.empty, ...given },
    body,
  };
  return new Promise((resolve, reject) => {
    const fail = (error: CallError): void => reject(error);
    const answer: Answer = {
      respond(response) {
        let [bytes, sum] = [0, 0];
        response.body.pipe({
          write(piece) {
            bytes += piece.length;
            sum = sumOf(piece, sum);
            response.body.consumed(piece.length);
          },
          end: (trailers) =>
            resolve({ status: response.head.status, fields: response.head.fields, bytes, sum, trailers }),
          fail,
        });
      },
      fail,
    };
    client.handle(request, answer);
  });
}
