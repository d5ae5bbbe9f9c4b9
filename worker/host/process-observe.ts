/** What observes calls in a process, Node's or Deno's: by its settings. Without any of them, nothing does. */
import type { Clock } from "../call/clock.ts";
import type { PoolStats } from "../call/pool-stats.ts";
import type { Http2Counters } from "../http2/index.ts";
import { readObserveConfig, type Settings } from "../observe/config.ts";
import type { Observation } from "../observe/observation.ts";
import { observationOf } from "../observe/observers.ts";
import { TrafficReporter } from "../observe/reporter.ts";
import type { TrafficReport } from "../observe/traffic.ts";

/** What an edge has to tell of itself. */
export interface EdgeState {
  readonly pools: () => readonly PoolStats[];
  readonly http2: Http2Counters;
  readonly clock: Clock;
}

/** Makes an edge's observation. Undefined if nobody observes. */
export type ObserveProcess = (state: EdgeState) => Observation | undefined;

export interface ObserveProcessOptions {
  readonly settings: Settings;
  /** The process's name, for {@link TrafficReport}. */
  readonly source: string;
  /** Where traffic is gathered. Undefined: nowhere. */
  readonly report: ((report: TrafficReport) => void) | undefined;
  /** Takes the lines of the access log. */
  readonly writeLine: (line: string) => void;
}

/** @throws Error in one line that names the setting that is wrong */
export function observeProcess({ settings, source, report, writeLine }: ObserveProcessOptions): ObserveProcess {
  const config = readObserveConfig(settings);
  return ({ pools, http2, clock }) => {
    const send = async (traffic: TrafficReport): Promise<void> => report?.(traffic);
    const spansDropped = (): number => observation?.spansDropped() ?? 0;
    const now = () => ({ source, pools: pools(), http2, spansDropped: spansDropped() });
    const observation = observationOf(config, {
      clock,
      unixMs: Date.now,
      random: Math.random,
      fetch,
      writeLine,
      observers: report === undefined ? [] : [new TrafficReporter({ clock, now, send })],
    });
    return observation;
  };
}
