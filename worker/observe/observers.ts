/** The observers that settings ask for, with what a host gives them. */
import type { Clock } from "../call/clock.ts";
import { accessLog } from "./access-log.ts";
import { type CallObserver, observeAll } from "./call.ts";
import type { ObserveConfig } from "./config.ts";
import type { Observation } from "./observation.ts";
import { SpanExporter } from "./otlp.ts";
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
  if (tracing !== undefined) {
    const post = (url: string, headers: Readonly<Record<string, string>>, body: string) =>
      host.fetch(url, { method: "POST", headers, body });
    observers.push(new SpanExporter({ ...tracing, clock, post }));
  }
  if (observers.length === 0) return undefined;
  const observer = observers.length === 1 ? observers[0]! : observeAll(observers);
  const trace = tracing && ((fields: Parameters<typeof traceOf>[0]) => traceOf(fields, tracing.ratio, randomHex));
  return { observer, clock, unixMs, trace };
}

function randomHex(count: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(count / 2));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
