/** Long bodies in gRPC's framing, made and counted in bounded memory. */
import type { Socket } from "node:net";
import { Fields } from "../../worker/call/fields.ts";
import type { Answer, Body, BodySink, HttpRequest } from "../../worker/call/http.ts";
import { nodeClock, nodeDefer } from "../../worker/host/node-runtime.ts";
import { nodeStream } from "../../worker/host/node-stream.ts";
import { serveHttp2 } from "../../worker/http2/index.ts";
import { envelope, prefixLength } from "../../worker/wire/envelope.ts";

export const service = "bench.Stream";
/** Paths of the origin's methods: one takes a stream, one gives it, one answers each piece with itself. */
export const paths = { up: `/${service}/Up`, down: `/${service}/Down`, hold: `/${service}/Hold` } as const;

/** Bytes of a message with its prefix. */
export const messageBytes = 65_536;
const message = envelope(0, new Uint8Array(messageBytes - prefixLength));
/** Bytes on their way at most, which is what a source without credit would have. */
const ahead = 16 * messageBytes;
const okTrailers = new Fields(["grpc-status", "0"]);

/** So many messages, as fast as they are taken. */
export class Flood implements Body {
  #left: number;
  #credit = ahead;
  #sink: BodySink | undefined;
  #writing = false;
  readonly #trailers: Fields;

  constructor(messages: number, trailers = Fields.empty) {
    this.#left = messages;
    this.#trailers = trailers;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#write();
  }

  consumed(bytes: number): void {
    this.#credit += bytes;
    this.#write();
  }

  cancel(): void {
    this.#sink = undefined;
  }

  /** Credit may come while a message is written. */
  #write(): void {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#left > 0 && this.#credit >= messageBytes && this.#sink !== undefined) {
      this.#left--;
      this.#credit -= messageBytes;
      this.#sink.write(message);
    }
    this.#writing = false;
    if (this.#left > 0) return;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end(this.#trailers);
  }
}

const tailBytes = 200;

/** Counts the bytes of a body. */
export class Count implements BodySink {
  readonly #body: Body;
  readonly #done: (bytes: number, trailers: Fields) => void;
  readonly #failed: (error: Error) => void;
  #bytes = 0;
  /** The last bytes, as text: in gRPC-Web they are the end. */
  tail = "";

  constructor(body: Body, done: (bytes: number, trailers: Fields) => void, failed: (error: Error) => void) {
    this.#body = body;
    this.#done = done;
    this.#failed = failed;
  }

  start(): void {
    this.#body.pipe(this);
  }

  write(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.tail = (this.tail + Buffer.from(bytes.subarray(-tailBytes)).toString("latin1")).slice(-tailBytes);
    this.#body.consumed(bytes.length);
  }

  end(trailers: Fields): void {
    this.#done(this.#bytes, trailers);
  }

  fail(error: Error): void {
    this.#failed(error);
  }
}

/** Gives a body back as it comes. */
class Mirror implements Body, BodySink {
  readonly #body: Body;
  #sink: BodySink | undefined;

  constructor(body: Body) {
    this.#body = body;
  }
  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#body.pipe(this);
  }
  consumed(bytes: number): void {
    this.#body.consumed(bytes);
  }
  cancel(): void {}
  write(bytes: Uint8Array): void {
    this.#sink!.write(bytes);
  }
  end(): void {
    this.#sink!.end(okTrailers);
  }
  fail(): void {}
}

const head = { status: 200, fields: Fields.from([["content-type", "application/grpc"]]) };

/** Serves the origin's methods on one connection. A stream down has as many messages as the request's field says. */
export function serveStreams(socket: Socket): void {
  serveHttp2(nodeStream(socket), {
    clock: nodeClock,
    defer: nodeDefer,
    scheme: "http",
    limits: { maxConcurrentStreams: 10_000 },
    handler: ({ head: asked, body }: HttpRequest, answer: Answer) => {
      const messages = Number(asked.fields.get("x-messages") ?? 0);
      if (asked.path === paths.hold) answer.respond({ head, body: new Mirror(body) });
      else if (asked.path === paths.down) answer.respond({ head, body: new Flood(messages, okTrailers) });
      else new Count(body, (bytes) => answer.respond({ head, body: counted(bytes) }), ignore).start();
      return ignore;
    },
  });
}

/** An answer whose status tells whether every byte came. */
function counted(bytes: number): Body {
  return new Flood(0, bytes % messageBytes === 0 ? okTrailers : new Fields(["grpc-status", "15"]));
}

function ignore(): void {}
