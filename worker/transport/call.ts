/**
 * One call on its way to whoever answers it: attempts, again or side by side, until one's answer begins. From then on the
 * call is that attempt's (gRFC A6): nothing is sent again once the caller may have got a part of the answer.
 */
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import { type HttpRequest, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { Attempt, type AttemptOwner, outrun } from "./attempt.ts";
import type { LiveBackend } from "./backend.ts";
import type { LiveEndpoint } from "./endpoint.ts";
import { Unconnected } from "./pool.ts";
import { Replay, type ReplayMemory } from "./replay.ts";
import { headAgain } from "./resend.ts";
import { backoffMs, isLate, isSafe, pushbackOf, wantsAgain, wantsAnew } from "./retry.ts";
import type { CallAnswer, Routing } from "./routing.ts";
import { withSession } from "./session.ts";
import { watch } from "./watched.ts";

/** Attempts beyond the first, unasked, at a call that no origin has begun to process. */
const maxUnprocessed = 5;
/** Attempts at one backend while there are others. */
const attemptsPerTarget = 2;

/** Milliseconds by which callers may be ahead who leave because their deadline has passed. */
const deadlineSlackMs = 20;

export interface CallOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly memory: ReplayMemory;
}

export class OriginCall implements AttemptOwner {
  readonly #options: CallOptions;
  readonly #head: RequestHead;
  readonly #replay: Replay | undefined;
  readonly #answer: CallAnswer;
  readonly #routing: Routing;
  readonly #targets: readonly LiveBackend[];
  readonly #deadline: number;
  /** Of every attempt, in this order. */
  readonly #tried: LiveEndpoint[] = [];
  readonly #triedAt: LiveBackend[] = [];
  /** Attempts without an answer so far; then the one whose answer counts. */
  #underWay: Attempt[] = [];
  #state: "asked" | "answered" | "over" = "asked";
  /** Those of the rule, beyond the first: retries and hedges. */
  #further = 0;
  #unprocessed = 0;
  /** Of the retry or the hedge that comes next. */
  #stopTimer: (() => void) | undefined;
  /** It is a retry: no failure of another attempt is the call's. */
  #retryDue = false;

  /**
   * @param targets what `routing` names, as it is just now
   * @param deadline the clock's; Infinity: none
   */
  constructor(
    options: CallOptions,
    { head, body }: HttpRequest,
    answer: CallAnswer,
    routing: Routing,
    targets: readonly LiveBackend[],
    deadline: number,
  ) {
    this.#options = options;
    this.#head = head;
    this.#answer = answer;
    this.#routing = routing;
    this.#targets = targets;
    this.#deadline = deadline;
    this.#replay = body === noBody ? undefined : new Replay(body, options.memory, () => this.#onOverflow());
  }

  start(): void {
    const found = this.#find();
    found?.live.budget.called(this.#options.clock.now());
    this.#begin(found);
    if (this.#routing.hedging !== undefined) this.#hedgeLater();
  }

  /** The one who asked is gone, or out of time. */
  readonly cancel = (reason: CallError): void => {
    if (this.#state === "over") return;
    const late = isLate(reason) || this.#options.clock.now() > this.#deadline - deadlineSlackMs;
    this.#end();
    for (const attempt of this.#underWay) {
      if (late) attempt.doubt();
      attempt.cancel(reason);
    }
    this.#replay?.cancel(reason);
  };

  // ---- Where to.

  /** An endpoint of the first target that can take the call, one that has not had it before if there is one. */
  #find(): { readonly live: LiveBackend; readonly endpoint: LiveEndpoint } | undefined {
    const targets = this.#targets;
    const { hashKey } = this.#routing;
    const wish = { session: this.#routing.session?.endpoint, hashKey, tried: this.#tried };
    if (targets.length > 1) {
      for (const live of targets) {
        const endpoint = this.#hasChance(live) ? live.pick(wish) : undefined;
        if (endpoint !== undefined && !this.#tried.includes(endpoint)) return { live, endpoint };
      }
    }
    let again: { live: LiveBackend; endpoint: LiveEndpoint } | undefined;
    for (const live of targets) {
      const endpoint = live.pick(wish);
      if (endpoint === undefined) continue;
      if (!this.#tried.includes(endpoint)) return { live, endpoint };
      again ??= { live, endpoint };
    }
    return again;
  }

  #hasChance(live: LiveBackend): boolean {
    return live.able(true) && this.#triedAt.filter((tried) => tried === live).length < attemptsPerTarget;
  }

  #begin(found = this.#find()): void {
    if (found === undefined) return this.#giveUp(noEndpoint(this.#targets[0]!));
    const { live, endpoint } = found;
    const refusal = live.refusal(endpoint);
    if (refusal !== undefined) return this.#giveUp(refusal);
    const { clock } = this.#options;
    const attempt = new Attempt(this, live, endpoint, this.#replay);
    const before = this.#tried.length;
    this.#tried.push(endpoint);
    this.#triedAt.push(live);
    this.#underWay.push(attempt);
    this.#answer.attempted(live.name, endpoint.endpoint);
    const head = before === 0 ? this.#head : headAgain(this.#head, before, this.#deadline - clock.now());
    attempt.send(head, this.#routing.timeouts?.backendRequestMs, clock);
  }

  // ---- What comes of it.

  responded(attempt: Attempt, response: HttpResponse): void {
    const { retry } = this.#routing;
    const policy = attempt.live.backend.outlierDetection;
    const watched = policy === undefined ? response : watch(response, policy, (good) => report(attempt, good));
    const again = retry !== undefined && wantsAgain(retry, this.#head, response.head);
    if (again && this.#retry(attempt, pushbackOf(response.head))) return attempt.dismiss(response);
    this.#settle(attempt);
    this.#state = "answered";
    const { session } = this.#routing;
    if (session === undefined || session.endpoint === attempt.endpoint.id) return this.#answer.respond(watched);
    const { head, body } = watched;
    const fields = withSession(head.fields, session, attempt.endpoint.id);
    this.#answer.respond({ head: { status: head.status, fields }, body });
  }

  failed(attempt: Attempt, error: CallError, late: boolean): void {
    if (this.#state !== "asked") return;
    if (error.side === "origin" && !error.unprocessed) report(attempt, false);
    if (error.side !== "caller" && this.#anew(attempt, error, late)) return;
    this.#drop(attempt);
    this.#giveUp(error);
  }

  /** Whether the call goes on after an attempt at it failed. */
  #anew(attempt: Attempt, error: CallError, late: boolean): boolean {
    if (error.unprocessed && this.#sendAnew(attempt, error)) return true;
    const { retry } = this.#routing;
    if (retry !== undefined && wantsAnew(retry, error, late)) return this.#retry(attempt, undefined);
    // Unasked, what may be done twice is done twice, but not three times.
    const safe = this.#replay === undefined && isSafe(this.#head) && error.side === "origin";
    return safe && this.#tried.length === 1 && this.#withdraw(attempt) && this.#again(attempt, 0);
  }

  /** Sends a call that was not begun to another endpoint, or on another connection: at once. */
  #sendAnew(attempt: Attempt, error: CallError): boolean {
    if (this.#unprocessed >= maxUnprocessed || !this.#canRepeat()) return false;
    const unsent = error instanceof Unconnected;
    const found = this.#find();
    // Nobody need be asked twice whether a connection can be had; and nothing was sent that could make an outage worse.
    if (found === undefined || (unsent && this.#tried.includes(found.endpoint))) return false;
    if (!unsent && !this.#withdraw(attempt)) return false;
    this.#unprocessed++;
    this.#drop(attempt);
    this.#begin(found);
    return true;
  }

  /** Another attempt by the rule, if there may be one. */
  #retry(attempt: Attempt, pushback: number | "never" | undefined): boolean {
    const { retry, hedging } = this.#routing;
    if (retry === undefined || pushback === "never") return false;
    if (this.#retryDue) {
      this.#drop(attempt);
      return true;
    }
    if (this.#further >= Math.max(retry.attempts, hedging?.attempts ?? 0) || !this.#canRepeat()) return false;
    const delayMs = pushback ?? backoffMs(retry, this.#further, this.#options.random);
    if (this.#options.clock.now() + delayMs >= this.#deadline || !this.#withdraw(attempt)) return false;
    this.#further++;
    return this.#again(attempt, delayMs);
  }

  #canRepeat(): boolean {
    return this.#replay === undefined || this.#replay.whole;
  }

  #withdraw(attempt: Attempt): boolean {
    return attempt.live.budget.withdraw(this.#options.clock.now());
  }

  #again(attempt: Attempt, delayMs: number): true {
    this.#drop(attempt);
    this.#stopTimer?.();
    this.#retryDue = true;
    this.#stopTimer = this.#options.clock.after(delayMs, () => {
      this.#retryDue = false;
      this.#begin();
      if (this.#routing.hedging !== undefined) this.#hedgeLater();
    });
    return true;
  }

  // ---- Side by side.

  #hedgeLater(): void {
    const { attempts, delayMs } = this.#routing.hedging!;
    if (this.#state !== "asked" || this.#further >= attempts || this.#retryDue) return;
    this.#stopTimer?.();
    this.#stopTimer = this.#options.clock.after(delayMs, () => {
      const late = this.#underWay[0];
      if (late === undefined || !this.#canRepeat() || !this.#withdraw(late)) return;
      this.#further++;
      this.#begin();
      this.#hedgeLater();
    });
  }

  /** The request is too long to be kept: the first attempt has to do. */
  #onOverflow(): void {
    const first = this.#underWay[0];
    if (first !== undefined && (this.#underWay.length > 1 || this.#retryDue)) this.#settle(first);
  }

  // ---- The end.

  /** `attempt` is the one that counts. */
  #settle(attempt: Attempt): void {
    this.#stopTimer?.();
    this.#retryDue = false;
    attempt.choose();
    this.#replay?.settle();
    if (this.#underWay.length === 1) return;
    const others = this.#underWay.filter((other) => other !== attempt);
    this.#underWay = [attempt];
    for (const other of others) other.cancel(outrun());
  }

  #drop(attempt: Attempt): void {
    this.#underWay = this.#underWay.filter((other) => other !== attempt);
  }

  /** No further attempt: the call fails unless one is under way, or due. */
  #giveUp(error: CallError): void {
    const goesOn = this.#underWay.length > 0 || (this.#retryDue && error.side !== "caller");
    if (goesOn || this.#state !== "asked") return;
    this.#end();
    this.#replay?.cancel(error);
    this.#answer.fail(error);
  }

  #end(): void {
    this.#state = "over";
    this.#stopTimer?.();
  }
}

function report({ live, endpoint }: Attempt, good: boolean): void {
  live.report(endpoint, good);
}

/** Gateway API: a backend that is valid and has no endpoint is answered with 503. */
function noEndpoint({ name }: LiveBackend): CallError {
  return new CallError(Code.UNAVAILABLE, `backend ${name} has no endpoint`, { side: "edge", httpStatus: 503 });
}
