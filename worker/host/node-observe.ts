/** What observes calls in a Node process: by settings of its environment. Without any of them, nothing does. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import type { PoolStats } from "../call/pool-stats.ts";
import type { Http2Counters } from "../http2/index.ts";
import { readObserveConfig, type Settings } from "../observe/config.ts";
import type { Observation } from "../observe/observation.ts";
import { observationOf } from "../observe/observers.ts";
import { TrafficReporter } from "../observe/reporter.ts";
import type { TrafficReport } from "../observe/traffic.ts";
import { nodeClock } from "./node-runtime.ts";

/** What an edge has to tell of itself. */
export interface NodeEdgeState {
  readonly pools: () => readonly PoolStats[];
  readonly http2: Http2Counters;
}

/** Makes an edge's observation. Undefined if nobody observes. */
export type ObserveNode = (state: NodeEdgeState) => Observation | undefined;

export interface ObserveNodeOptions {
  readonly settings: Settings;
  /** The process's name, for {@link TrafficReport}. */
  readonly source: string;
  /** Where traffic is gathered. Undefined: nowhere. */
  readonly report: ((report: TrafficReport) => void) | undefined;
  /** Takes the lines of the access log. */
  readonly writeLine: (line: string) => void;
}

/** @throws Error in one line that names the setting that is wrong */
export function observeNode({ settings, source, report, writeLine }: ObserveNodeOptions): ObserveNode {
  const config = readObserveConfig(settings);
  return ({ pools, http2 }) => {
    const send = async (traffic: TrafficReport): Promise<void> => report?.(traffic);
    const now = () => ({ source, pools: pools(), http2 });
    return observationOf(config, {
      clock: nodeClock,
      unixMs: Date.now,
      random: Math.random,
      fetch,
      writeLine,
      observers: report === undefined ? [] : [new TrafficReporter({ clock: nodeClock, now, send })],
    });
  };
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** A file of the console by its name. */
export async function consoleAsset(name: string): Promise<Response | undefined> {
  const type = types[extname(name)];
  if (type === undefined || !/^[a-z][a-z.-]*$/.test(name)) return undefined;
  try {
    const bytes = await readFile(new URL(`../console/${name}`, import.meta.url));
    return new Response(new Uint8Array(bytes), { headers: { "content-type": type } });
  } catch {
    return undefined; // there is no such file
  }
}
