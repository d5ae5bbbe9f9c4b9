/** A network namespace of its own, whose packets can be dropped without a word: a cluster that is cut off. */
import { execFileSync } from "node:child_process";

export class Namespace implements AsyncDisposable {
  readonly #name: string;
  /** Of whoever listens in it. */
  readonly host = "10.231.77.2";

  /** Undefined where this machine, or this user, cannot make one. */
  static create(): Namespace | undefined {
    try {
      return new Namespace(`edgeway-${process.pid}`);
    } catch {
      return undefined;
    }
  }

  private constructor(name: string) {
    this.#name = name;
    const [outside, inside] = [`ew${process.pid}a`, `ew${process.pid}b`];
    run("ip", "netns", "add", name);
    try {
      run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name);
      run("ip", "addr", "add", "10.231.77.1/24", "dev", outside);
      run("ip", "link", "set", outside, "up");
      this.#run("ip", "addr", "add", `${this.host}/24`, "dev", inside);
      this.#run("ip", "link", "set", inside, "up");
      this.#run("iptables", "-L");
    } catch (error) {
      run("ip", "netns", "del", name);
      throw error;
    }
  }

  /** What runs a command in it. */
  get prefix(): readonly string[] {
    return ["ip", "netns", "exec", this.#name];
  }

  /** Drops every packet that comes. */
  cutOff(): void {
    this.#run("iptables", "-I", "INPUT", "-j", "DROP");
  }

  heal(): void {
    this.#run("iptables", "-D", "INPUT", "-j", "DROP");
  }

  #run(...command: readonly string[]): void {
    run(...this.prefix, ...command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    run("ip", "netns", "del", this.#name);
  }
}

function run(...[command, ...args]: readonly string[]): void {
  execFileSync(command!, args, { stdio: "ignore" });
}
