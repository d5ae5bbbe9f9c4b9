import { type ChildProcess, spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { basename } from "node:path";

/** Reads process ids until its input ends, as it does when the process that holds the other end dies; kills the last. */
const reaper = 'while read -r line; do pid=$line; done; if [ -n "$pid" ]; then kill -KILL "$pid"; fi';

/**
 * Makes sure that children this process starts from now on, from the executable called `name`, do not outlive it, even
 * if it is killed outright. At most one of them runs at a time.
 */
export function watchChildren(name: string): { close(): void } {
  // In a session of its own, so that Ctrl-C does not reach it.
  const shell = spawn("/bin/sh", ["-c", reaper], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  shell.unref();
  shell.on("error", () => {}); // no shell, no safety net
  shell.stdin.on("error", () => {});

  const onSpawn = (message: unknown) => {
    const { process: child } = message as { process: ChildProcess };
    child.once("spawn", () => {
      if (basename(child.spawnfile) === name) shell.stdin.write(`${child.pid}\n`);
    });
  };
  subscribe("child_process", onSpawn);
  return {
    close() {
      unsubscribe("child_process", onSpawn);
      // An empty line: there is nothing left to kill.
      shell.stdin.end("\n");
    },
  };
}
