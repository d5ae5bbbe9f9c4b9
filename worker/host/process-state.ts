/** What a process of Node or Deno tells of itself. */
import process from "node:process";
import type { ProcessState } from "../observe/processes.ts";

export function processState(tlsFailures: ProcessState["tlsFailures"]): ProcessState {
  const { user, system } = process.cpuUsage();
  return {
    pid: process.pid,
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    startSeconds: performance.timeOrigin / 1000,
    tlsFailures,
  };
}
