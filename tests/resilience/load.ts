/** Steady mixed load: unary calls one after the other, and streams that take a while. */
import { ConnectError } from "@connectrpc/connect";
import type { EchoClient } from "../contract/clients.ts";

export interface LoadOptions {
  /** Unary calls under way at once. */
  readonly callers: number;
  /** Streams under way at once. */
  readonly streams: number;
  readonly timeoutMs?: number;
}

const messagesPerStream = 10;

export class Load {
  readonly #client: EchoClient;
  readonly #options: LoadOptions;
  readonly #running: Promise<void>[] = [];
  #over = false;
  calls = 0;
  streams = 0;
  /** Of calls, and of streams that were cut or not begun: how often each was seen. */
  readonly failures = new Map<string, number>();
  /** Who answered the calls. */
  readonly answeredBy = new Map<string, number>();
  /** When a call failed last, and when one was answered first after that; performance.now(). */
  lastFailure = -Infinity;

  constructor(client: EchoClient, options: LoadOptions) {
    this.#client = client;
    this.#options = options;
    for (let i = 0; i < options.callers; i++) this.#running.push(this.#repeat(() => this.#call()));
    for (let i = 0; i < options.streams; i++) this.#running.push(this.#repeat(() => this.#stream()));
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running);
  }

  get failed(): number {
    return [...this.failures.values()].reduce((sum, count) => sum + count, 0);
  }

  async #repeat(once: () => Promise<void>): Promise<void> {
    while (!this.#over) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await once();
      } catch (error) {
        const { code, rawMessage } = ConnectError.from(error);
        const what = `${code}: ${rawMessage.replaceAll(/:\d+/g, "")}`;
        this.failures.set(what, (this.failures.get(what) ?? 0) + 1);
        this.lastFailure = performance.now();
      }
    }
  }

  async #call(): Promise<void> {
    this.calls++;
    const options = this.#options.timeoutMs === undefined ? {} : { timeoutMs: this.#options.timeoutMs };
    const { cluster } = await this.#client["say"]!({ message: "hello" }, options);
    this.answeredBy.set(cluster, (this.answeredBy.get(cluster) ?? 0) + 1);
  }

  async #stream(): Promise<void> {
    this.streams++;
    let count = 0;
    for await (const _ of this.#client["stream"]!({ count: messagesPerStream, size: 100, intervalMillis: 50 })) count++;
    if (count < messagesPerStream) throw new ConnectError(`a stream ended after ${count} messages`);
  }
}
