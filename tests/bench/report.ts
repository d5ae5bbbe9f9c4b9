/** What every bench writes with --json. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** Over the rounds of one run. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Row {
  readonly case: string;
  readonly subject: string;
  readonly callsPerSecond: Spread;
  readonly cpuMicrosPerCall: Spread;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]!, max: sorted.at(-1)! };
}

/** What it was measured on. */
export const machine = `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, Node ${process.version}`;

/** Writes the rows to `file`, if there is one. */
export function writeReport(file: string | undefined, rounds: number, rows: readonly Row[]): void {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ machine, rounds, rows }, undefined, 2)}\n`);
}
