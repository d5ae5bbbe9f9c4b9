/** What every bench is asked, what it prints, and what it writes with --json. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import type { LoadResult } from "./load.ts";

export interface BenchOptions {
  /** The file that the report goes to. */
  readonly json: string | undefined;
  /** The cases whose names match, where a bench has many. Undefined: all. */
  readonly only: RegExp | undefined;
  /** Less time, and figures that are less steady, where a bench takes long. */
  readonly short: boolean;
}

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
  /** Answers that were not as they should be, in all rounds. */
  readonly wrong: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]!, max: sorted.at(-1)! };
}

/** A row of the rounds of one subject. */
export function rowOf(name: string, subject: string, results: readonly LoadResult[]): Row {
  return {
    case: name,
    subject,
    callsPerSecond: spread(results.map(({ calls, seconds }) => calls / seconds)),
    cpuMicrosPerCall: spread(results.map(({ calls, cpuMicros }) => cpuMicros / calls)),
    wrong: results.reduce((sum, { wrong }) => sum + wrong, 0),
    latencyMs: { p50: spread(results.map(({ p50 }) => p50)).median, p99: spread(results.map(({ p99 }) => p99)).median },
  };
}

function show({ min, median, max }: Spread, digits: number): string {
  return [min, median, max].map((value) => value.toFixed(digits).padStart(7)).join(" ");
}

export function printRow(row: Row): Row {
  const { callsPerSecond, cpuMicrosPerCall, latencyMs } = row;
  console.log(
    `${row.case.padEnd(28)} ${row.subject.padEnd(11)} calls/s ${show(callsPerSecond, 0)}  ` +
      `cpu us/call ${show(cpuMicrosPerCall, 1)}  ms p50 ${latencyMs.p50.toFixed(2)} p99 ${latencyMs.p99.toFixed(2)}` +
      (row.wrong > 0 ? `  ${row.wrong} answers without their status` : ""),
  );
  return row;
}

/** Prints how Edgeway stands to `other`, by medians. */
export function compareRows(rows: readonly Row[], other: string): void {
  for (const row of rows.filter(({ subject }) => subject === "edgeway")) {
    const peer = rows.find((candidate) => candidate.case === row.case && candidate.subject === other)!;
    const cpu = peer.cpuMicrosPerCall.median / row.cpuMicrosPerCall.median;
    const calls = row.callsPerSecond.median / peer.callsPerSecond.median;
    const p99 = row.latencyMs.p99 / peer.latencyMs.p99;
    console.log(
      `${row.case.padEnd(28)} against ${other}: CPU 1/${cpu.toFixed(1)}, calls/s x${calls.toFixed(1)}, p99 x${p99.toFixed(2)}`,
    );
  }
}

/** What it was measured on. */
export const machine = `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, Node ${process.version}`;

/** Writes the rows to `file`, if there is one. */
export function writeReport(file: string | undefined, rounds: number, rows: readonly Row[]): void {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ machine, rounds, rows }, undefined, 2)}\n`);
}
