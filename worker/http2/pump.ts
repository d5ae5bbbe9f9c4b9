/** Moves a connection's bytes over a {@link ByteStream}. */
import type { ByteStream } from "../call/byte-stream.ts";
import type { CallError } from "../call/error.ts";
import type { Clock } from "../call/clock.ts";
import type { Connection } from "./connection.ts";
import type { Effects } from "./endpoint.ts";

/** Has `flush` called soon, once: when the host has handled the input that is at hand. */
export type Defer = (flush: () => void) => void;

/** How long a connection that is over waits for the peer to take its last words, and leave. */
const lingerMs = 2000;

export class Pump implements Effects {
  readonly #stream: ByteStream;
  readonly #defer: Defer;
  readonly #clock: Clock;
  readonly #closed: (error: CallError | undefined) => void;
  #connection: Connection | undefined;
  #gone = false;
  #stopLingering = (): void => {};
  readonly #flush = () => this.#connection?.flush();

  /** `closed` is called once, when the connection is over. */
  constructor(stream: ByteStream, defer: Defer, clock: Clock, closed: (error: CallError | undefined) => void) {
    this.#stream = stream;
    this.#defer = defer;
    this.#clock = clock;
    this.#closed = closed;
  }

  /** Starts reading for `connection`, whose effects this is. */
  run(connection: Connection): void {
    this.#connection = connection;
    this.#stream.open({
      data: (bytes) => connection.receive(bytes),
      drain: () => connection.drained(),
      close: (error) => {
        this.#gone = true;
        this.#stopLingering();
        this.#stream.destroy();
        connection.lost(error);
      },
    });
  }

  write(bytes: Uint8Array): boolean {
    // A stream that does not say when it is done may do with its bytes what it likes, detach their buffer even.
    return this.#stream.write(this.#stream.idle === undefined ? bytes.slice() : bytes);
  }

  get writesDone(): boolean {
    return this.#stream.idle ?? true;
  }

  get moved(): number | undefined {
    return this.#stream.moved;
  }

  schedule(): void {
    this.#defer(this.#flush);
  }

  closed(error: CallError | undefined): void {
    if (!this.#gone) {
      this.#stream.end();
      this.#stopLingering = this.#clock.after(lingerMs, () => this.#stream.destroy());
    }
    this.#closed(error);
  }
}
