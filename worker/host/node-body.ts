/** Bodies from Node's readable streams, and into its writable ones. */
import type { Readable, Writable } from "node:stream";
import type { CallError } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import type { Body, BodySink } from "../call/http.ts";

/** Bytes a stream may bring before they are used up: enough for a fast network, little for a slow reader. */
const window = 256 * 1024;

export interface ReadableBodyOptions {
  /** The trailer fields, once the stream has ended. */
  readonly trailers: () => Fields;
  /** What it means that the stream breaks off. */
  readonly broken: (cause: Error | undefined) => CallError;
  /** The taker wants no more. */
  readonly cancelled: () => void;
}

/** A Node stream as a body. It takes over the stream's errors at once, and its data when it is piped. */
export class ReadableBody implements Body {
  readonly #stream: Readable;
  readonly #options: ReadableBodyOptions;
  #sink: BodySink | undefined;
  #unused = 0;
  /** Set when the stream is over before it was piped, and when nobody is to hear of it any more. */
  #failure: CallError | undefined;
  #done = false;

  constructor(stream: Readable, options: ReadableBodyOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on("error", (error) => this.#fail(error));
    stream.on("close", () => this.#fail(undefined));
  }

  pipe(sink: BodySink): void {
    if (this.#failure) {
      sink.fail(this.#failure);
      return;
    }
    this.#sink = sink;
    this.#stream.on("data", (chunk: Uint8Array) => {
      if (this.#done) return;
      this.#unused += chunk.length;
      if (this.#unused >= window) this.#stream.pause();
      sink.write(chunk);
    });
    this.#stream.on("end", () => {
      if (this.#done) return;
      this.#done = true;
      sink.end(this.#options.trailers());
    });
  }

  consumed(bytes: number): void {
    this.#unused -= bytes;
    if (this.#unused < window && this.#sink && this.#stream.isPaused()) this.#stream.resume();
  }

  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#options.cancelled();
  }

  #fail(cause: Error | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.#failure = this.#options.broken(cause);
    this.#sink?.fail(this.#failure);
  }
}

/** Writes `body` to a Node stream, at the pace of the stream; `end` and `fail` are left to the caller. */
export function writeBody(body: Body, stream: Writable, last: Pick<BodySink, "end" | "fail">): void {
  body.pipe({
    write(bytes) {
      stream.write(Buffer.from(bytes), () => body.consumed(bytes.length));
    },
    end: (trailers) => last.end(trailers),
    fail: (error) => last.fail(error),
  });
}
