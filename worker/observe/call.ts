/** What is known of one call when it has ended, and who wants to know it. */
import type { RuleSource } from "../../routes/model.ts";
import type { Clock } from "../call/clock.ts";
import type { CallError, Side } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import type { RequestHead } from "../call/http.ts";
import { Code, codeFromHttp } from "../call/status.ts";
import type { TraceContext } from "./trace-context.ts";

/** One call. Plain data, made once for each call and filled as it goes; complete when it is given to `ended`. */
export interface CallRecord {
  /** When it came, Unix milliseconds. */
  readonly time: number;
  /** What the caller speaks: the protocol of a Caller. */
  readonly protocol: string;
  readonly httpMethod: string;
  readonly authority: string;
  /** Without query, which may hold a message or a secret. At most 1,000 characters, as the method, the authority and the reason. */
  readonly path: string;
  /** Of the table that decided. */
  readonly revision: string;
  /** The rule that took the call. Undefined: none did. */
  readonly rule: RuleSource | undefined;
  /** Of the last attempt, or the one it was meant for. Undefined: it was meant for none. */
  backend: string | undefined;
  /** "host:port" of the last attempt. Undefined: the call went nowhere. */
  endpoint: string | undefined;
  /** How often it was sent to an origin. */
  attempts: number;
  /** What the caller got. Undefined: he left before. */
  httpStatus: number | undefined;
  /** Undefined: it was no call of an RPC protocol. */
  grpcStatus: Code | undefined;
  /** Body bytes that the caller sent, and that the origin answered. */
  requestBytes: number;
  responseBytes: number;
  /** Milliseconds until the head of the answer went to the caller. Undefined: it never did. */
  headMs: number | undefined;
  /** Milliseconds until it was over. */
  durationMs: number;
  /** Who broke it off. Undefined: it ran to its end, whatever its status. */
  side: Side | undefined;
  /** Why, if somebody broke it off. */
  reason: string | undefined;
  /** Undefined: calls are not traced. */
  readonly trace: TraceContext | undefined;
}

/** Whoever is told of calls. It must be quick and must not throw: calls wait for it. */
export interface CallObserver {
  began(call: CallRecord): void;
  /** Once for each call that began. */
  ended(call: CallRecord): void;
}

/** What is known of a call as soon as it has been planned. */
export interface CallStart {
  readonly head: RequestHead;
  readonly protocol: string;
  readonly revision: string;
  readonly rule: RuleSource | undefined;
  readonly backend: string | undefined;
  readonly trace: TraceContext | undefined;
}

/** One call as whoever carries it out tells of it. Its methods keep no hold of what they are given. */
export class ObservedCall {
  readonly record: CallRecord;
  readonly #observer: CallObserver;
  readonly #clock: Clock;
  readonly #begun: number;
  #over = false;

  /** @param time now, Unix milliseconds */
  constructor(start: CallStart, time: number, clock: Clock, observer: CallObserver) {
    const { head, protocol, revision, rule, backend, trace } = start;
    const query = head.path.indexOf("?");
    this.record = {
      time,
      protocol,
      httpMethod: head.method.slice(0, maxText),
      authority: head.authority.slice(0, maxText),
      path: head.path.slice(0, Math.min(query < 0 ? head.path.length : query, maxText)),
      revision,
      rule,
      backend,
      endpoint: undefined,
      attempts: 0,
      httpStatus: undefined,
      grpcStatus: undefined,
      requestBytes: 0,
      responseBytes: 0,
      headMs: undefined,
      durationMs: 0,
      side: undefined,
      reason: undefined,
      trace,
    };
    this.#observer = observer;
    this.#clock = clock;
    this.#begun = clock.now();
    observer.began(this.record);
  }

  /** It is sent to an origin: for the first time, or again. */
  attempt({ host, port }: { readonly host: string; readonly port: number }, backend: string): void {
    this.record.attempts++;
    this.record.backend = backend;
    this.record.endpoint = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  }

  /** Bytes of the request's body came. */
  requestBytes(count: number): void {
    this.record.requestBytes += count;
  }

  /** Bytes of the answer's body came. */
  responseBytes(count: number): void {
    this.record.responseBytes += count;
  }

  /** The head of the answer goes to the caller. */
  answered(httpStatus: number): void {
    this.record.httpStatus = httpStatus;
    this.record.headMs = this.#clock.now() - this.#begun;
  }

  /** The origin's answer is complete. `last`: its trailers, or its header fields if it has no body. */
  completed(last: Fields): void {
    const { record } = this;
    const status = last.get("grpc-status");
    if (status !== undefined) this.#end(knownCode(status));
    else this.#end(record.protocol === "http" ? undefined : codeWithoutStatus(record.httpStatus));
  }

  /** It broke off, or was answered by the edge with an error. */
  failed(error: CallError): void {
    if (this.#over) return;
    this.record.side = error.side;
    this.record.reason = error.message.slice(0, maxText).replaceAll(query, "?…");
    this.#end(this.record.protocol === "http" ? undefined : error.code);
  }

  /** Idempotent: the first word counts. */
  #end(code: Code | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const { record } = this;
    record.grpcStatus = code;
    record.durationMs = this.#clock.now() - this.#begun;
    this.#observer.ended(record);
  }
}

/** Characters of a text: a path may be as long as a header list, and what is kept of it may not. */
const maxText = 1_000;

/** Messages may quote a URL; a query may hold what is secret. */
const query = /\?\S+/g;

function knownCode(text: string): Code {
  return /^(?:\d|1[0-6])$/.test(text) ? (Number(text) as Code) : Code.UNKNOWN;
}

/** An RPC answered without gRPC's status, as by an origin that speaks gRPC-Web or Connect over HTTP. */
function codeWithoutStatus(httpStatus: number | undefined): Code {
  if (httpStatus === undefined) return Code.UNKNOWN;
  return httpStatus === 200 ? Code.OK : codeFromHttp(httpStatus);
}

/** Tells several. */
export function observeAll(observers: readonly CallObserver[]): CallObserver {
  return {
    began(call) {
      for (const observer of observers) observer.began(call);
    },
    ended(call) {
      for (const observer of observers) observer.ended(call);
    },
  };
}
