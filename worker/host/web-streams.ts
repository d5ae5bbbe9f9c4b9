/** Bodies as web streams, and back: what fetch-shaped hosts (Workers, Deno.serve) speak. */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Body, type BodySink, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";

/** Bytes that may be on their way between a flow and a web stream: one HTTP/2 initial window. */
const window = 65_535;

const callerGone = (cause: unknown) => new CallError(Code.CANCELLED, "the caller went away", { side: "caller", cause });

/** A request's body that is as short as this is read in one piece: each read costs the runtime a turn of its own. */
const shortBytes = 16 * 1024;

/** The body of a request that came to a fetch-shaped host. */
export function bodyFromRequest(request: Request): Body {
  const length = request.headers.get("content-length");
  const short = request.body !== null && length !== null && Number(length) <= shortBytes;
  return short ? new ShortBody(request) : bodyFromStream(request.body);
}

class ShortBody implements Body {
  readonly #request: Request;
  #sink: BodySink | undefined;

  constructor(request: Request) {
    this.#request = request;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#request.arrayBuffer().then(
      (bytes) => {
        if (bytes.byteLength > 0) this.#sink?.write(new Uint8Array(bytes));
        this.#sink?.end(Fields.empty);
      },
      (cause: unknown) => this.#sink?.fail(callerGone(cause)),
    );
  }

  consumed(): void {}

  cancel(): void {
    this.#sink = undefined;
  }
}

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

/**
 * A body as a web stream, whose reader sets the pace, or as its bytes if they are all at hand: they then leave with the
 * head. Trailer fields are lost: fetch has no place for them.
 *
 * @param over is called when nothing more is asked of the body
 */
export function bodyInit(
  body: Body,
  over: () => void = () => {},
): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> {
  const outgoing = new OutgoingBody(body, over);
  return outgoing.whole ?? streamOf(outgoing);
}

/** A body as a web stream in any case, so that the answer has no content-length. */
export function streamFromBody(body: Body, over: () => void = () => {}): ReadableStream<Uint8Array> {
  return streamOf(new OutgoingBody(body, over));
}

function streamOf(outgoing: OutgoingBody): ReadableStream<Uint8Array> {
  return new ReadableStream(outgoing, { highWaterMark: window, size: (chunk) => chunk.byteLength });
}

class OutgoingBody implements BodySink {
  readonly #body: Body;
  readonly #over: () => void;
  /** What came before there was a stream. */
  readonly #early: Uint8Array<ArrayBuffer>[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #state: "flowing" | "ended" | CallError = "flowing";
  #unread = 0;

  constructor(body: Body, over: () => void) {
    this.#body = body;
    this.#over = over;
    body.pipe(this);
  }

  /** All of the body, if it ended at once and in one piece. */
  get whole(): Uint8Array<ArrayBuffer> | undefined {
    return this.#state === "ended" && this.#early.length === 1 ? this.#early[0] : undefined;
  }

  write(bytes: Uint8Array): void {
    this.#unread += bytes.length;
    if (this.#controller === undefined) this.#early.push(bytes.slice());
    else this.#controller.enqueue(bytes.slice());
  }

  end(): void {
    this.#state = "ended";
    this.#controller?.close();
    // Nobody pulls what is left, and nothing is left to hold back.
    this.pull();
    this.#over();
  }

  fail(error: CallError): void {
    this.#state = error;
    this.#controller?.error(error);
    this.#over();
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    for (const bytes of this.#early.splice(0)) controller.enqueue(bytes);
    if (this.#state === "ended") controller.close();
    else if (this.#state !== "flowing") controller.error(this.#state);
  }

  pull(): void {
    const bytes = this.#unread;
    this.#unread = 0;
    if (bytes > 0) this.#body.consumed(bytes);
  }

  cancel(cause: unknown): void {
    this.#body.cancel(callerGone(cause));
    this.#over();
  }
}
