/** `edgeway serve` as a process of its own, and tables to push to it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { descendants, run, type Running } from "../dev/cli.ts";
import { until } from "../e2e/until.ts";

export const token = "nobody-guesses-this";

export interface RunningServe extends Running {
  /** Of the listeners, in the order of the help's options. */
  readonly ports: readonly number[];
  readonly data: string;
  /** Pushes a table; throws if it is not accepted. */
  push(table: MessageInitShape<typeof ClusterTableSchema>): Promise<void>;
  /** SIGTERM; resolves to the exit code when it is gone. */
  stop(): Promise<number | NodeJS.Signals>;
  /** Stops it, and removes its data unless it was given. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Runs it on a free port in the clear, unless the arguments say otherwise. `data`: its directory, to be kept. */
export async function runServe(args: readonly string[] = [], data?: string): Promise<RunningServe> {
  const directory = data ?? (await mkdtemp(join(tmpdir(), "edgeway-serve-")));
  process.env["EDGEWAY_SYNC_TOKEN"] = token;
  const listen = args.some((arg) => /^--https?$/.test(arg)) ? [] : ["--http", "127.0.0.1:0"];
  const running = run("cli/main.ts", "serve", "--data", directory, ...listen, ...args);
  let exited = false;
  void running.exited.then(() => (exited = true));
  await until(
    () => exited || running.stdout().includes("edgeway ready"),
    () => running.stderr(),
    20_000,
  );
  if (exited) throw new Error(`edgeway serve ended: ${running.stderr()}`);
  const ports = [...running.stdout().matchAll(/^edgeway (?:ready|admin) https?:\/\/\S+?:(\d+)/gm)].map(([, port]) =>
    Number(port),
  );
  const stop = async () => {
    running.process.kill("SIGTERM");
    return running.exited;
  };
  const pusher = new Pusher(connectEdge(`http://127.0.0.1:${ports.at(-1)}`, token));
  return {
    ...running,
    ports,
    data: directory,
    stop,
    async push(table) {
      const outcome = await pusher.push(create(ClusterTableSchema, table));
      if (outcome.kind !== "accepted") throw new Error(`${outcome.kind}: ${outcome.reason}`);
    },
    async [Symbol.asyncDispose]() {
      if (!exited) await stop();
      if (data === undefined) await rm(directory, { recursive: true });
    },
  };
}

/** The processes that `serve` started. */
export function workersOf(serve: RunningServe): readonly number[] {
  return descendants(serve.process.pid!).map(({ pid }) => pid);
}
