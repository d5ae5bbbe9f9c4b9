/** Origins as processes, which can be killed as the kernel does it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("origin.ts", import.meta.url));

export class OriginProcess implements AsyncDisposable {
  readonly name: string;
  readonly host: string;
  /** What comes before the command: to run it elsewhere. */
  readonly #prefix: readonly string[];
  #port = 0;
  #child: ChildProcess | undefined;

  constructor(name: string, host = "127.0.0.1", prefix: readonly string[] = []) {
    this.name = name;
    this.host = host;
    this.#prefix = prefix;
  }

  get port(): number {
    return this.#port;
  }

  /** Serves, on the port that it had. */
  async start(): Promise<void> {
    const [command, ...args] = [...this.#prefix, process.execPath, script, this.name, this.host, String(this.#port)];
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const gone = once(child, "exit").then(() => Promise.reject(new Error(`origin ${this.name} is gone`)));
    gone.catch(() => {}); // it is killed in the end
    const [line] = (await Promise.race([once(createInterface(child.stdout), "line"), gone])) as [string];
    this.#port = Number(line);
  }

  /** Without a word to anybody. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
