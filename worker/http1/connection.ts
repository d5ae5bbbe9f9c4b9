/**
 * A connection to an HTTP/1.1 origin, which carries one exchange at a time. The runtimes' fetch would do, but for one
 * thing: it names the origin's own host, and gateways keep the caller's.
 */
import type { ByteStream } from "../call/byte-stream.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import { type Answer, type Body, type BodySink, type Cancel, type HttpRequest, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { type AnswerEvents, AnswerParser, malformed } from "./answer-parser.ts";
import { encodeHead, type Framing, type StatusHead } from "./head.ts";
import { RequestWriter } from "./request-writer.ts";
import { window } from "./limits.ts";

export interface Http1Options {
  readonly clock: Clock;
  /** The connection is closed after this long without an exchange, milliseconds. */
  readonly idleMs: number;
  /** It may take a request again. */
  readonly onCapacity: () => void;
  /** It is over. Called once. */
  readonly onClose: () => void;
}

export interface Http1Client {
  /** Sends a request; only with capacity. After its Cancel was called, neither the answer nor its body hears more. */
  readonly handle: (request: HttpRequest, answer: Answer) => Cancel;
  /** 1 if a request would be sent, else 0. */
  readonly capacity: number;
  /** Exchanges under way: 1 or 0. */
  readonly activeStreams: number;
  close(): void;
}

export function connectHttp1(stream: ByteStream, options: Http1Options): Http1Client {
  return new Connection(stream, options);
}

class Connection implements Http1Client {
  readonly #stream: ByteStream;
  readonly #options: Http1Options;
  #exchange: Exchange | undefined;
  #closed = false;
  #stopIdle: () => void;

  constructor(stream: ByteStream, options: Http1Options) {
    this.#stream = stream;
    this.#options = options;
    this.#stopIdle = options.clock.after(options.idleMs, () => this.close());
    stream.open({
      data: (bytes) => {
        // Nothing was asked: an answer now would be taken for that of the next request.
        if (this.#exchange === undefined) this.close();
        else this.#exchange.receive(bytes);
      },
      drain: () => this.#exchange?.drained(),
      close: (error) => {
        this.#exchange?.lost(error);
        this.close();
      },
    });
  }

  get capacity(): number {
    return this.#closed || this.#exchange !== undefined ? 0 : 1;
  }

  get activeStreams(): number {
    return this.#exchange === undefined ? 0 : 1;
  }

  readonly handle = (request: HttpRequest, answer: Answer): Cancel => {
    this.#stopIdle();
    const exchange = new Exchange(this.#stream, request, answer, (reusable) => this.#over(reusable));
    this.#exchange = exchange;
    exchange.start();
    return (reason) => exchange.abandon(reason);
  };

  #over(reusable: boolean): void {
    this.#exchange = undefined;
    if (!reusable) return this.close();
    this.#stopIdle = this.#options.clock.after(this.#options.idleMs, () => this.close());
    this.#options.onCapacity();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopIdle();
    this.#stream.destroy();
    this.#options.onClose();
  }
}

/** One request and its answer. */
class Exchange implements Body {
  readonly #stream: ByteStream;
  readonly #request: HttpRequest;
  readonly #answer: Answer;
  readonly #over: (reusable: boolean) => void;
  readonly #parser: AnswerParser;
  readonly #writer: RequestWriter;
  #done = false;
  #responded = false;
  #sink: BodySink | undefined;
  /** What came before there was a sink. */
  readonly #early: Uint8Array[] = [];
  #ending: ((sink: BodySink) => void) | undefined;
  /** Body bytes that the taker has not used up. */
  #unused = 0;

  constructor(stream: ByteStream, request: HttpRequest, answer: Answer, over: (reusable: boolean) => void) {
    this.#stream = stream;
    this.#request = request;
    this.#answer = answer;
    this.#over = over;
    const events: AnswerEvents = {
      head: (head, empty) => this.#onHead(head, empty),
      body: (bytes) => this.#onBody(bytes),
      end: (trailers, reusable) => this.#onEnd(trailers, reusable),
    };
    this.#parser = new AnswerParser(request.head.method, events, request.head.upgrade !== undefined);
    this.#writer = new RequestWriter(stream, request.body, framingOf(request), (error) => this.#fail(error));
  }

  start(): void {
    let head: Uint8Array;
    try {
      head = encodeHead(this.#request.head, framingOf(this.#request));
    } catch (error) {
      return this.#fail(error as CallError);
    }
    this.#writer.start(head);
  }

  drained(): void {
    this.#writer.drained();
  }

  receive(bytes: Uint8Array): void {
    try {
      this.#parser.receive(bytes);
    } catch (error) {
      this.#fail(error instanceof CallError ? error : malformed(String(error)));
    }
  }

  lost(error: Error | undefined): void {
    if (this.#done) return;
    if (error !== undefined) {
      // What goes on to the connection's end has ended there only if the origin closed it.
      const why = `the connection was lost: ${error.message}`;
      return this.#fail(new CallError(Code.UNAVAILABLE, why, { side: "origin", cause: error, httpStatus: 502 }));
    }
    try {
      this.#parser.close();
    } catch (ended) {
      this.#fail(ended as CallError);
    }
  }

  /** The one who asked is gone. */
  abandon(reason: CallError): void {
    if (this.#done) return;
    this.#sink = undefined;
    this.#finish(reason, false);
  }

  // ---- The answer's body.

  pipe(sink: BodySink): void {
    for (const bytes of this.#early.splice(0)) sink.write(bytes);
    if (this.#ending !== undefined) return this.#ending(sink);
    this.#sink = sink;
  }

  consumed(bytes: number): void {
    this.#unused -= bytes;
    if (this.#unused < window && !this.#done) this.#stream.resume();
  }

  cancel(error: CallError): void {
    this.abandon(error);
  }

  #onHead({ status, fields }: StatusHead, empty: boolean): void {
    this.#responded = true;
    if (status === 101) this.#writer.upgraded();
    this.#answer.respond({ head: { status, fields }, body: empty ? noBody : this });
  }

  #onBody(bytes: Uint8Array): void {
    if (this.#done || bytes.length === 0) return;
    this.#unused += bytes.length;
    if (this.#unused >= window) this.#stream.pause();
    if (this.#sink === undefined) this.#early.push(bytes.slice());
    else this.#sink.write(bytes);
  }

  #onEnd(trailers: Fields, reusable: boolean): void {
    if (this.#done) return;
    const sink = this.#sink;
    this.#ending = (late) => late.end(trailers);
    // An origin that has answered wants no more of the request.
    const error = new CallError(Code.CANCELLED, "the origin has answered", { side: "origin" });
    this.#finish(error, reusable && this.#writer.done);
    sink?.end(trailers);
  }

  #fail(error: CallError): void {
    if (this.#done) return;
    const sink = this.#sink;
    this.#ending = (late) => late.fail(error);
    this.#finish(error, false);
    if (!this.#responded) this.#answer.fail(error);
    else sink?.fail(error);
  }

  #finish(error: CallError, reusable: boolean): void {
    this.#done = true;
    this.#sink = undefined;
    this.#writer.stop(error);
    if (reusable) this.#stream.resume();
    this.#over(reusable);
  }
}

function framingOf({ head, body }: HttpRequest): Framing {
  if (head.upgrade !== undefined) return "raw";
  if (body === noBody) return "none";
  const length = head.fields.get("content-length");
  return length !== undefined && /^\d{1,15}$/.test(length) ? { length: Number(length) } : "chunked";
}
