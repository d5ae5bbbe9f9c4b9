/** One sending of a call to one endpoint. */
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import { type Answer, type Body, type Cancel, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import type { LiveBackend } from "./backend.ts";
import type { LiveEndpoint } from "./endpoint.ts";
import type { Replay, Tap } from "./replay.ts";

/** Who decides what becomes of a call. */
export interface AttemptOwner {
  responded(attempt: Attempt, response: HttpResponse): void;
  /** Nothing more is heard of it. `late`: it took longer than an attempt may. */
  failed(attempt: Attempt, error: CallError, late: boolean): void;
}

export class Attempt implements Answer {
  readonly live: LiveBackend;
  readonly endpoint: LiveEndpoint;
  readonly #owner: AttemptOwner;
  readonly #tap: Tap | undefined;
  #state: "asked" | "answered" | "over" = "asked";
  #cancel: Cancel | undefined;
  #stopTimer: (() => void) | undefined;

  /** `replay` is undefined where there is no body. */
  constructor(owner: AttemptOwner, live: LiveBackend, endpoint: LiveEndpoint, replay: Replay | undefined) {
    this.#owner = owner;
    this.live = live;
    this.endpoint = endpoint;
    this.#tap = replay?.tap();
  }

  /** @param timeoutMs until its answer begins; undefined: no limit */
  send(head: RequestHead, timeoutMs: number | undefined, clock: Clock): void {
    if (timeoutMs !== undefined) this.#stopTimer = clock.after(timeoutMs, () => this.#expire(timeoutMs));
    const body: Body = this.#tap ?? noBody;
    const cancel = this.endpoint.pool.handle({ head, body }, this);
    if (this.#state !== "over") this.#cancel = cancel;
  }

  /** Its answer is the one that counts. */
  choose(): void {
    if (this.#tap !== undefined) this.#tap.chosen = true;
  }

  /** Its answer does not count. */
  dismiss(response: HttpResponse): void {
    const reason = outrun();
    this.#finish();
    this.#tap?.cancel(reason);
    response.body.cancel(reason);
  }

  /** Nobody waits for it any more. */
  cancel(reason: CallError): void {
    if (this.#state === "over") return;
    this.#finish();
    this.#cancel?.(reason);
  }

  /** The call's time is over, and there is no answer: is anybody there? */
  doubt(): void {
    if (this.#state === "asked") this.endpoint.pool.doubt();
  }

  respond(response: HttpResponse): void {
    if (this.#state !== "asked") return response.body.cancel(outrun());
    this.#state = "answered";
    this.#stopTimer?.();
    this.#owner.responded(this, response);
  }

  fail(error: CallError): void {
    if (this.#state === "over") return;
    this.#finish();
    this.#owner.failed(this, error, false);
  }

  #expire(timeoutMs: number): void {
    const { host, port } = this.endpoint.endpoint;
    const message = `backend ${this.live.name}: ${host}:${port}: no answer within ${timeoutMs} ms`;
    const error = new CallError(Code.DEADLINE_EXCEEDED, message, { side: "edge" });
    this.doubt();
    this.cancel(error);
    this.#owner.failed(this, error, true);
  }

  #finish(): void {
    this.#state = "over";
    this.#stopTimer?.();
  }
}

/** Why an attempt is of no use any more. */
export function outrun(): CallError {
  return new CallError(Code.CANCELLED, "another attempt takes its place", { side: "edge" });
}
