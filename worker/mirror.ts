/** Copies of calls for backends that only look on: they never delay, slow or fail the call itself. */
import type { Backend } from "../routes/model.ts";
import { CallError } from "./call/error.ts";
import type { Fields } from "./call/fields.ts";
import { type Body, type BodySink, type Cancel, type HttpRequest, type HttpResponse, noBody } from "./call/http.ts";
import { Code } from "./call/status.ts";
import type { ExchangeOptions } from "./exchange.ts";
import type { Plan } from "./plan.ts";
import { ReplayMemory } from "./transport/replay.ts";
import type { CallAnswer } from "./transport/routing.ts";

/** Bytes of one copy that may wait for its backend; one that is slower gets no more. */
const maxWaitingBytes = 256 * 1024;
/** Milliseconds to the end of a copy's answer, where neither the call nor its rule says less. */
const maxCopyMs = 60_000;

/** What all copies keep while their backends are being connected to. */
const memory = new ReplayMemory();

export interface Mirrored {
  /** The request that is to be sent: copies are made as its body goes by. */
  readonly request: HttpRequest;
  /** The call is given up, and so are its copies. */
  readonly cancel: Cancel;
}

/**
 * Sends a copy of `request` to each of the plan's mirrors. A copy is sent once, its answer is dropped, and it is given up
 * when the call's time would be over, or the longest that a copy may take.
 */
export function mirrored(request: HttpRequest, plan: Plan, options: ExchangeOptions, deadline: number): Mirrored {
  const { clock, send } = options;
  const limitMs = Math.min(deadline - clock.now(), plan.timeouts?.requestMs ?? Infinity, maxCopyMs);
  const hasBody = request.body !== noBody;
  const copies = plan.mirrors.map((backend) => {
    const copy = new Copy();
    const head = { ...request.head, scheme: backend.tls ? ("https" as const) : ("http" as const) };
    const stopTimer = clock.after(limitMs, () => copy.giveUp(tooSlow(`takes longer than ${limitMs} ms`)));
    const body = hasBody ? copy.body : noBody;
    copy.sent(send({ head, body }, copy, onlyTo(backend, plan), deadline), stopTimer);
    return copy;
  });
  return {
    request: hasBody ? { head: request.head, body: new Tee(request.body, copies) } : request,
    cancel: (reason) => {
      for (const copy of copies) copy.giveUp(reason);
    },
  };
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

function tooSlow(why: string): CallError {
  return new CallError(Code.CANCELLED, `the mirror ${why}`, { side: "edge" });
}

/** One sending, whose answer is read to its end for nobody. */
class Copy implements CallAnswer {
  readonly body = new CopiedBody((error) => this.giveUp(error));
  #cancel: Cancel | undefined;
  #stopTimer: (() => void) | undefined;
  #over = false;

  /** It is on its way, or has failed already. */
  sent(cancel: Cancel, stopTimer: () => void): void {
    if (this.#over) return stopTimer();
    this.#cancel = cancel;
    this.#stopTimer = stopTimer;
  }

  giveUp(reason: CallError): void {
    if (this.#over) return;
    this.#finish();
    this.#cancel?.(reason);
  }

  respond({ body }: HttpResponse): void {
    const finish = (): void => this.#finish();
    body.pipe({ write: (bytes) => body.consumed(bytes.length), end: finish, fail: finish });
  }

  fail(): void {
    this.#finish();
  }

  attempted(): void {}

  #finish(): void {
    this.#over = true;
    this.#stopTimer?.();
  }
}

/** A body that copies see as it goes by. */
class Tee implements Body {
  readonly #body: Body;
  readonly #copies: readonly CopiedBody[];

  constructor(body: Body, copies: readonly Copy[]) {
    this.#body = body;
    this.#copies = copies.map((copy) => copy.body);
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
class CopiedBody implements Body, BodySink {
  readonly #giveUp: (error: CallError) => void;
  #sink: BodySink | undefined;
  /** What came before there was a sink, and how much that is. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  /** Bytes that the backend has not taken. */
  #waiting = 0;
  #trailers: Fields | undefined;
  #over = false;

  /** `giveUp` ends the sending of a copy that broke off, or fell behind. */
  constructor(giveUp: (error: CallError) => void) {
    this.#giveUp = giveUp;
  }

  write(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#waiting += bytes.length;
    if (this.#waiting > maxWaitingBytes) return this.fail(tooSlow("is slower than the call"));
    if (this.#sink === undefined) this.#keep(bytes);
    else this.#sink.write(bytes);
  }

  #keep(bytes: Uint8Array): void {
    const copy = memory.keep(bytes);
    if (copy === undefined) return this.fail(tooSlow("is one of too many that wait"));
    this.#early.push(copy);
    this.#earlyBytes += copy.length;
  }

  end(trailers: Fields): void {
    if (this.#over) return;
    this.#over = true;
    this.#trailers = trailers;
    this.#sink?.end(trailers);
  }

  fail(error: CallError): void {
    if (this.#over) return;
    this.cancel();
    this.#giveUp(error);
  }

  pipe(sink: BodySink): void {
    for (const bytes of this.#early) sink.write(bytes);
    this.#forgetEarly();
    if (this.#trailers === undefined) this.#sink = sink;
    else sink.end(this.#trailers);
  }

  consumed(bytes: number): void {
    this.#waiting -= bytes;
  }

  cancel(): void {
    this.#over = true;
    this.#sink = undefined;
    this.#forgetEarly();
  }

  #forgetEarly(): void {
    memory.release(this.#earlyBytes);
    this.#early = [];
    this.#earlyBytes = 0;
  }
}
