/** Bodies as web streams, and back: what fetch-shaped hosts (Workers, Deno.serve) speak. */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Body, type BodySink, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";

/** Bytes that may be on their way between a flow and a web stream: one HTTP/2 initial window. */
const window = 65_535;

const callerGone = (cause: unknown) => new CallError(Code.CANCELLED, "the caller went away", { side: "caller", cause });

/** A web stream as a body. Reads ahead of the sink by one window at most. */
export function bodyFromStream(stream: ReadableStream<Uint8Array> | null): Body {
  return stream === null ? noBody : new StreamBody(stream.getReader());
}

class StreamBody implements Body {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #sink: BodySink | undefined;
  #credit = window;
  #reading = false;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#read();
  }

  consumed(bytes: number): void {
    this.#credit += bytes;
    this.#read();
  }

  cancel(error: CallError): void {
    this.#sink = undefined;
    this.#reader.cancel(error).catch(() => {}); // it may have failed already: there is nobody left to tell
  }

  #read(): void {
    if (this.#reading || this.#credit <= 0 || this.#sink === undefined) return;
    this.#reading = true;
    this.#reader.read().then(
      ({ done, value }) => {
        this.#reading = false;
        if (done) return this.#finish((sink) => sink.end(Fields.empty));
        this.#credit -= value.byteLength;
        this.#sink?.write(value);
        this.#read();
      },
      (cause: unknown) => this.#finish((sink) => sink.fail(callerGone(cause))),
    );
  }

  #finish(last: (sink: BodySink) => void): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink !== undefined) last(sink);
  }
}

/** A body as a web stream, whose reader sets the pace. Trailer fields are lost: fetch has no place for them. */
export function streamFromBody(body: Body): ReadableStream<Uint8Array> {
  let unread = 0;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        body.pipe({
          write(bytes) {
            unread += bytes.byteLength;
            controller.enqueue(bytes.slice());
          },
          end: () => controller.close(),
          fail: (error) => controller.error(error),
        });
      },
      pull() {
        const bytes = unread;
        unread = 0;
        if (bytes > 0) body.consumed(bytes);
      },
      cancel: (cause) => body.cancel(callerGone(cause)),
    },
    { highWaterMark: window, size: (chunk) => chunk.byteLength },
  );
}
