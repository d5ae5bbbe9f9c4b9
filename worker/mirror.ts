/** Copies of calls for backends that only look on: they never delay, slow or fail the call itself. */
import type { Backend } from "../routes/model.ts";
import { CallError } from "./call/error.ts";
import type { Fields } from "./call/fields.ts";
import { type Body, type BodySink, type HttpRequest, noBody } from "./call/http.ts";
import { Code } from "./call/status.ts";
import type { ExchangeOptions } from "./exchange.ts";
import type { Plan } from "./plan.ts";
import type { CallAnswer } from "./transport/routing.ts";

/** Bytes of one copy that may wait for its backend; one that is slower gets no more. */
const maxWaitingBytes = 256 * 1024;

/**
 * Sends a copy of `request` to each of the plan's mirrors, as its body goes by. Returns the request whose body is to be
 * sent. A copy has no deadline but the call's, is sent once, and its answer is dropped.
 */
export function mirrored(request: HttpRequest, plan: Plan, { send }: ExchangeOptions, deadline: number): HttpRequest {
  const copies: Copy[] = [];
  for (const backend of plan.mirrors) {
    const copy = request.body === noBody ? undefined : new Copy();
    if (copy !== undefined) copies.push(copy);
    const head = { ...request.head, scheme: backend.tls ? ("https" as const) : ("http" as const) };
    const cancel = send({ head, body: copy ?? noBody }, unheard, onlyTo(backend, plan), deadline);
    if (copy !== undefined) copy.onOverflow = cancel;
  }
  return copies.length === 0 ? request : { head: request.head, body: new Tee(request.body, copies) };
}

function onlyTo(backend: Backend, plan: Plan): Plan {
  return {
    ...plan,
    targets: [backend],
    retry: undefined,
    hedging: undefined,
    session: undefined,
    hashKey: undefined,
  };
}

/** Reads an answer to its end, for nobody. */
const unheard: CallAnswer = {
  respond: ({ body }) => body.pipe({ write: (bytes) => body.consumed(bytes.length), end() {}, fail() {} }),
  fail() {},
  attempted() {},
};

/** A body that copies see as it goes by. */
class Tee implements Body {
  readonly #body: Body;
  readonly #copies: readonly Copy[];

  constructor(body: Body, copies: readonly Copy[]) {
    this.#body = body;
    this.#copies = copies;
  }

  pipe(sink: BodySink): void {
    const copies = this.#copies;
    this.#body.pipe({
      write(bytes) {
        for (const copy of copies) copy.write(bytes);
        sink.write(bytes);
      },
      end(trailers) {
        for (const copy of copies) copy.end(trailers);
        sink.end(trailers);
      },
      fail(error) {
        for (const copy of copies) copy.fail(error);
        sink.fail(error);
      },
    });
  }

  consumed(bytes: number): void {
    this.#body.consumed(bytes);
  }

  /** The call is over before its request is: so are its copies. */
  cancel(error: CallError): void {
    for (const copy of this.#copies) copy.fail(error);
    this.#body.cancel(error);
  }
}

/** What goes by, for a backend that takes it at its own pace, within bounds. */
class Copy implements Body, BodySink {
  /** Ends the sending of a copy that fell behind. */
  onOverflow: ((error: CallError) => void) | undefined;
  #sink: BodySink | undefined;
  /** What came before there was a sink. */
  #early: Uint8Array[] = [];
  #waiting = 0;
  #last: Fields | CallError | undefined;
  #over = false;

  write(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#waiting += bytes.length;
    if (this.#waiting > maxWaitingBytes) return this.#overflow();
    if (this.#sink === undefined) this.#early.push(bytes.slice());
    else this.#sink.write(bytes);
  }

  end(trailers: Fields): void {
    this.#finish(trailers);
  }

  fail(error: CallError): void {
    this.#finish(error);
  }

  #overflow(): void {
    const error = new CallError(Code.CANCELLED, "the mirror is slower than the call", { side: "edge" });
    this.#finish(error);
    this.onOverflow?.(error);
  }

  #finish(last: Fields | CallError): void {
    if (this.#over) return;
    this.#over = true;
    this.#last = last;
    if (this.#sink !== undefined) tell(this.#sink, last);
  }

  pipe(sink: BodySink): void {
    for (const bytes of this.#early.splice(0)) sink.write(bytes);
    if (this.#last !== undefined) tell(sink, this.#last);
    else this.#sink = sink;
  }

  consumed(bytes: number): void {
    this.#waiting -= bytes;
  }

  cancel(): void {
    this.#over = true;
    this.#sink = undefined;
    this.#early = [];
  }
}

function tell(sink: BodySink, last: Fields | CallError): void {
  if (last instanceof CallError) sink.fail(last);
  else sink.end(last);
}
