/** Carries out a plan: one call to an origin and its answer, within the call's limits. */
import type { Clock } from "./call/clock.ts";
import { CallError } from "./call/error.ts";
import { Fields } from "./call/fields.ts";
import type { Sink, Source } from "./call/flow.ts";
import {
  type Answer,
  type Body,
  type BodySink,
  type Cancel,
  type HttpRequest,
  type HttpResponse,
  noBody,
} from "./call/http.ts";
import type { RpcEnd } from "./call/rpc.ts";
import { Code } from "./call/status.ts";
import { answerWithCors } from "./filter/cors.ts";
import { modifyAll } from "./filter/headers.ts";
import { mirrored } from "./mirror.ts";
import type { ObservedCall } from "./observe/call.ts";
import type { Plan } from "./plan.ts";
import type { Compressions } from "./protocol/compression.ts";
import { type Conversation, converse, type Descriptors } from "./transcode/index.ts";
import type { Endpoint } from "./transport/pool.ts";
import type { CallAnswer } from "./transport/routing.ts";

export interface ExchangeOptions {
  readonly clock: Clock;
  /** Sends a request where the plan says. `deadline` is the clock's; Infinity: none. */
  readonly send: (request: HttpRequest, answer: CallAnswer, plan: Plan, deadline: number) => Cancel;
  /**
   * Milliseconds a call may go without a byte of its request or its answer, if its rule says no less. Undefined: for
   * ever, where the host sees every caller that leaves.
   */
  readonly idleMs: number | undefined;
  /** Backends' descriptors by hash, as far as they can be had. */
  readonly descriptors?: (hash: string) => Descriptors | undefined;
  /** What the host can undo and redo of messages' compressions. Undefined: what every runtime can. */
  readonly compressions?: Compressions;
}

/**
 * Sends `plan`'s request with the caller's `body`, and answers in the caller's protocol whatever happens.
 *
 * @param observed is told of the call as it goes, if anybody wants to know
 */
export function exchange(
  plan: Plan,
  body: Body,
  options: ExchangeOptions,
  caller: Answer,
  observed?: ObservedCall,
): Cancel {
  const answer = answerWithCors(caller, plan.cors);
  const descriptors = plan.translation && options.descriptors?.(plan.translation.descriptors);
  const conversation = converse(plan, descriptors, options.compressions);
  if (conversation.head === undefined) {
    answer.respond(conversation.refusal);
    observed?.answered(conversation.refusal.head.status);
    observed?.failed(conversation.error);
    return () => {};
  }
  const call = new Exchange(plan, conversation, options, answer, observed);
  const request = { head: conversation.head, body: conversation.request(call.watch(body)) };
  const deadline = call.begin();
  const copied = plan.mirrors.length === 0 ? undefined : mirrored(request, plan, options, deadline);
  call.start(options.send(copied?.request ?? request, call, plan, deadline), copied?.cancel);
  return (reason) => call.expire(reason);
}

/** Milliseconds by which an origin's clock may be ahead when it finds a call's deadline passed. */
const deadlineSlackMs = 20;

/** Stands between the origin's answer and the caller: the deadline and the idle limit act here. */
class Exchange implements CallAnswer, Source<Fields>, Sink<Fields> {
  readonly #plan: Plan;
  readonly #conversation: Conversation;
  readonly #clock: Clock;
  readonly #idleMs: number | undefined;
  readonly #answer: Answer;
  readonly #observed: ObservedCall | undefined;
  #state: "asked" | "answered" | "over" = "asked";
  #cancelOrigin: Cancel | undefined;
  /** Undefined if there are none, or the call has its answer, and they go on without it. */
  #cancelCopies: Cancel | undefined;
  #origin: Body | undefined;
  #caller: BodySink | undefined;
  /** Why the answer broke off before anyone took it. */
  #failure: CallError | undefined;
  /** Where the call was sent last. */
  #backend: string;
  #stopDeadline: (() => void) | undefined;
  #stopWaiting: (() => void) | undefined;
  #stopIdle: (() => void) | undefined;
  #lastByte = 0;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(
    plan: Plan,
    conversation: Conversation,
    { clock, idleMs }: ExchangeOptions,
    answer: Answer,
    observed: ObservedCall | undefined,
  ) {
    this.#plan = plan;
    this.#conversation = conversation;
    this.#clock = clock;
    this.#idleMs = shorter(idleMs, plan.timeouts?.idleMs);
    this.#backend = plan.backend;
    this.#answer = answer;
    this.#observed = observed;
  }

  /** The request's body, whose bytes show that the call goes on. */
  watch(body: Body): Body {
    const observed = this.#observed;
    if ((this.#idleMs === undefined && observed === undefined) || body === noBody) return body;
    return {
      pipe: (sink) =>
        body.pipe({
          write: (bytes) => {
            if (this.#idleMs !== undefined) this.#lastByte = this.#clock.now();
            observed?.requestBytes(bytes.length);
            sink.write(bytes);
          },
          end: (trailers) => sink.end(trailers),
          fail: (error) => sink.fail(error),
        }),
      consumed: (bytes) => body.consumed(bytes),
      cancel: (error) => body.cancel(error),
    };
  }

  /** The call's time begins. Returns its deadline. */
  begin(): number {
    const { timeoutMs } = this.#conversation;
    if (timeoutMs !== undefined) this.#deadline = this.#clock.now() + timeoutMs;
    return this.#deadline;
  }

  start(cancelOrigin: Cancel, cancelCopies: Cancel | undefined): void {
    if (this.#state === "over") return; // it failed at once
    this.#cancelOrigin = cancelOrigin;
    this.#cancelCopies = cancelCopies;
    const { timeoutMs } = this.#conversation;
    if (timeoutMs !== undefined) this.#stopDeadline = this.#limit(timeoutMs, "the deadline of $ passed");
    const requestMs = this.#plan.timeouts?.requestMs;
    if (requestMs !== undefined && this.#state === "asked") {
      this.#stopWaiting = this.#limit(requestMs, "no answer within $, which the rule allows");
    }
    if (this.#idleMs !== undefined) {
      this.#lastByte = this.#clock.now();
      this.#watchIdle(this.#idleMs, this.#idleMs);
    }
  }

  #limit(ms: number, why: string): () => void {
    return this.#clock.after(ms, () =>
      this.expire(new CallError(Code.DEADLINE_EXCEEDED, why.replace("$", `${ms} ms`), { side: "edge" })),
    );
  }

  attempted(backend: string, endpoint: Endpoint): void {
    this.#backend = backend;
    this.#observed?.attempt(endpoint, backend);
  }

  /** Ends the call for a reason that is not the origin's. */
  expire(error: CallError): void {
    this.#cancelCopies?.(error);
    if (this.#state === "over") return;
    this.#cancelOrigin?.(error);
    this.#origin?.cancel(error);
    this.fail(error);
  }

  respond(response: HttpResponse): void {
    if (this.#state === "over") {
      response.body.cancel(new CallError(Code.CANCELLED, "the call is over", { side: "edge" }));
      return;
    }
    this.#state = "answered";
    this.#stopWaiting?.();
    this.#origin = response.body;
    const { responseHeaders, responseTrailers } = this.#plan;
    let fields = modifyAll(response.head.fields, responseHeaders);
    // A call that ends with its head has its trailing metadata there: Trailers-Only.
    if (response.body === noBody && fields.has("grpc-status")) fields = modifyAll(fields, responseTrailers);
    const head = fields === response.head.fields ? response.head : { status: response.head.status, fields };
    const body = response.body === noBody ? noBody : this;
    if (body === noBody) this.#complete();
    this.#conversation.answer(
      { head, body },
      (translated) => this.#respond(translated),
      (end) => this.#endedInBody(end),
    );
    if (body === noBody) this.#observed?.completed(head.fields);
  }

  /** What the origin's trailers are elsewhere: the same is done to it. */
  #endedInBody(end: RpcEnd): RpcEnd {
    this.#observed?.completed(new Fields(["grpc-status", String(end.code)]));
    const metadata = modifyAll(end.metadata, this.#plan.responseTrailers);
    return metadata === end.metadata ? end : { ...end, metadata };
  }

  #respond(response: HttpResponse): void {
    this.#observed?.answered(response.head.status);
    this.#answer.respond(response);
  }

  fail(error: CallError): void {
    if (this.#state === "over") return;
    const named = error.side === "origin" ? this.#fromOrigin(error) : error;
    const answered = this.#state === "answered";
    const sink = this.#caller;
    this.#finish();
    if (!answered) this.#respond(this.#conversation.failure(named));
    else if (sink !== undefined) sink.fail(named);
    else this.#failure = named;
    this.#observed?.failed(named);
  }

  /** Servers that give up at the deadline, as grpc-go does, may say no more than CANCELLED. */
  #fromOrigin(error: CallError): CallError {
    const late = error.code === Code.CANCELLED && this.#clock.now() > this.#deadline - deadlineSlackMs;
    const code = late ? Code.DEADLINE_EXCEEDED : error.code;
    const { message, unprocessed } = error;
    return new CallError(code, `backend ${this.#backend}: ${message}`, {
      side: "origin",
      unprocessed,
      cause: error,
    });
  }

  pipe(sink: BodySink): void {
    if (this.#failure !== undefined) return sink.fail(this.#failure);
    this.#caller = sink;
    this.#origin!.pipe(this);
  }

  consumed(bytes: number): void {
    this.#origin!.consumed(bytes);
  }

  cancel(error: CallError): void {
    this.#origin!.cancel(error);
    this.#finish();
    this.#observed?.failed(error);
  }

  write(bytes: Uint8Array): void {
    if (this.#idleMs !== undefined) this.#lastByte = this.#clock.now();
    this.#observed?.responseBytes(bytes.length);
    this.#caller?.write(bytes);
  }

  end(trailers: Fields): void {
    const sink = this.#caller;
    this.#complete();
    sink?.end(modifyAll(trailers, this.#plan.responseTrailers));
    if (!this.#conversation.endsInBody) this.#observed?.completed(trailers);
  }

  /** Looks again when the limit would be reached if nothing came: one timer for a call, however many bytes it brings. */
  #watchIdle(idleMs: number, waitMs: number): void {
    this.#stopIdle = this.#clock.after(waitMs, () => {
      const left = this.#lastByte + idleMs - this.#clock.now();
      if (left > 0) return this.#watchIdle(idleMs, left);
      this.expire(new CallError(Code.UNAVAILABLE, `no byte either way for ${idleMs / 1000} s`, { side: "edge" }));
    });
  }

  #complete(): void {
    this.#cancelCopies = undefined;
    this.#finish();
  }

  #finish(): void {
    this.#state = "over";
    this.#caller = undefined;
    this.#stopDeadline?.();
    this.#stopWaiting?.();
    this.#stopIdle?.();
  }
}

/** The shorter of two limits that may not be there. */
function shorter(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
