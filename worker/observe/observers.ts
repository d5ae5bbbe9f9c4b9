/** The observers that settings ask for, with what a host gives them. */
import type { Clock } from "../call/clock.ts";
import { accessLog } from "./access-log.ts";
import { type CallObserver, observeAll } from "./call.ts";
import type { ObserveConfig } from "./config.ts";
import type { Observation } from "./observation.ts";
import { SpanExporter, type SpanExporterOptions } from "./otlp.ts";
import { traceOf } from "./trace-context.ts";

export interface ObserveHost {
  readonly clock: Clock;
  /** Unix milliseconds. */
  readonly unixMs: () => number;
  /** In [0, 1), uniformly. */
  readonly random: () => number;
  readonly fetch: typeof fetch;
  /** Takes the lines of the access log. */
  readonly writeLine: (line: string) => void;
  /** The host's own observers. */
  readonly observers: readonly CallObserver[];
}

/** Undefined if nobody observes. */
export function observationOf(config: ObserveConfig, host: ObserveHost): Observation | undefined {
  const { clock, unixMs, random } = host;
  const { accessLogRatio, tracing } = config;
  const observers = [...host.observers];
  if (accessLogRatio !== undefined) observers.push(accessLog({ ratio: accessLogRatio, random, write: host.writeLine }));
  const spans = tracing && new SpanExporter({ ...tracing, clock, post: postBy(host.fetch) });
  if (spans !== undefined) observers.push(spans);
  if (observers.length === 0) return undefined;
  const observer = observers.length === 1 ? observers[0]! : observeAll(observers);
  const trace = tracing && ((fields: Parameters<typeof traceOf>[0]) => traceOf(fields, tracing.ratio, randomHex));
  return { observer, clock, unixMs, trace, flush: async () => spans?.flush(), spansDropped: () => spans?.dropped ?? 0 };
}

/** Milliseconds that a collector may take to answer. */
const collectorMs = 10_000;

function postBy(send: typeof fetch): SpanExporterOptions["post"] {
  return (url, headers, body) => send(url, { method: "POST", headers, body, signal: AbortSignal.timeout(collectorMs) });
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Random bytes are had many at a time: to ask for a few costs as much. */
const randomBytes = new Uint8Array(2_048);
let used = randomBytes.length;

function randomHex(count: number): string {
  let text = "";
  while (text.length < count) {
    if (used === randomBytes.length) {
      crypto.getRandomValues(randomBytes);
      used = 0;
    }
    text += hexOf[randomBytes[used++]!];
  }
  return text;
}
