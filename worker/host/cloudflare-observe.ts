/** What observes calls on Cloudflare: by the Worker's variables, secrets and bindings. Without any of them, nothing does. */
import type { AnalyticsEngineDataset, DurableObjectNamespace } from "@cloudflare/workers-types";
import type { CallObserver } from "../observe/call.ts";
import type { Clock } from "../call/clock.ts";
import { type ObserveConfig, readObserveConfig, type Settings } from "../observe/config.ts";
import type { Observation } from "../observe/observation.ts";
import { observationOf } from "../observe/observers.ts";
import { TrafficReporter } from "../observe/reporter.ts";
import { isError, routeKey } from "../observe/tally.ts";
import type { IsolateState, TrafficReport } from "../observe/traffic.ts";
import { telemetry } from "./telemetry.ts";

export interface ObserveEnv {
  readonly TELEMETRY: DurableObjectNamespace;
  /** Who has it may use the console. A secret. Without it there is none. */
  readonly EDGEWAY_CONSOLE_TOKEN?: string;
  /** Gets a data point for each call, if it is bound. */
  readonly ANALYTICS?: AnalyticsEngineDataset;
}

export interface Observing {
  readonly observation: Observation | undefined;
  /** The report that is being made of what was counted. Undefined: there is none. */
  readonly pending: () => Promise<void> | undefined;
}

/** @param state the isolate's name, and its connections now */
export function observe(
  env: ObserveEnv,
  clock: Clock,
  state: () => Pick<IsolateState, "source" | "pools" | "http2">,
): Observing {
  const observers: CallObserver[] = [];
  let reporter: TrafficReporter | undefined;
  if (env.EDGEWAY_CONSOLE_TOKEN) {
    const send = (report: TrafficReport) => telemetry(env.TELEMETRY).report(report);
    reporter = new TrafficReporter({
      clock,
      now: () => ({ ...state(), spansDropped: observation?.spansDropped() ?? 0 }),
      send,
    });
    observers.push(reporter);
  }
  if (env.ANALYTICS !== undefined) observers.push(analytics(env.ANALYTICS));
  const observation = observationOf(configOf(env as unknown as Settings), {
    clock,
    unixMs: () => Date.now(),
    random: Math.random,
    fetch: (...args) => fetch(...args),
    writeLine: (line) => console.log(line),
    observers,
  });
  return { observation, pending: () => reporter?.pending };
}

/** A mistake in a setting is said in the log, and is no reason to answer no calls. */
function configOf(settings: Settings): ObserveConfig {
  try {
    return readObserveConfig(settings);
  } catch (error) {
    console.error(`edgeway: ${error instanceof Error ? error.message : String(error)}: neither logged nor traced`);
    return { accessLogRatio: undefined, tracing: undefined };
  }
}

/** One data point for a call; see docs/observability.md for what stands where. */
function analytics(dataset: AnalyticsEngineDataset): CallObserver {
  return {
    began() {},
    ended(call) {
      const { protocol, backend, grpcStatus, httpStatus, durationMs, requestBytes, responseBytes, attempts } = call;
      const route = routeKey(call.rule);
      dataset.writeDataPoint({
        // Bytes of an index, 96 at most.
        indexes: [route.slice(0, 96)],
        blobs: [route, backend ?? "", protocol, String(grpcStatus ?? ""), String(httpStatus ?? ""), call.side ?? ""],
        doubles: [durationMs, requestBytes, responseBytes, attempts, isError(call) ? 1 : 0],
      });
    },
  };
}
