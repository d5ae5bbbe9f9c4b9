/** A connection to an origin that says, when it breaks, whose it was, and what the origin speaks if not what it should. */
import type { ByteStream, ByteStreamEvents } from "../call/byte-stream.ts";
import type { Endpoint } from "../transport/pool.ts";
import { hints } from "./origin-hints.ts";

type Explain = (error: Error) => Error;

export class OriginStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #endpoint: Endpoint;
  readonly #explain: Explain;

  /** @param explain gives errors of the stream's, such as those of TLS, in words that say what to do about them */
  constructor(stream: ByteStream, endpoint: Endpoint, explain: Explain = (error) => error) {
    this.#stream = stream;
    this.#endpoint = endpoint;
    this.#explain = explain;
  }

  open(events: ByteStreamEvents): void {
    const { tls, protocol } = this.#endpoint;
    let [heard, over] = [false, false];
    const close = (error: Error | undefined): void => {
      if (!over) events.close(error && this.#named(error));
      over = true;
    };
    this.#stream.open({
      data: (bytes) => {
        const foreign = heard ? undefined : this.#foreign(bytes);
        heard = true;
        if (foreign !== undefined) {
          this.#stream.destroy();
          close(new Error(foreign));
        }
        if (!over) events.data(bytes);
      },
      drain: () => {
        if (!over) events.drain();
      },
      close: (error) => {
        const silent = !heard && !tls && protocol === "http2";
        close(silent ? new Error(hints.silent, { cause: error }) : error && this.#explain(error));
      },
    });
  }

  /** What is wrong with the first bytes. */
  #foreign(bytes: Uint8Array): string | undefined {
    const { tls, protocol } = this.#endpoint;
    // An alert of any version of TLS (RFC 8446 section 5.1).
    if (!tls && bytes[0] === 0x15 && bytes[1] === 0x03) return hints.tls;
    // "HTT", which no frame begins with: it would be longer than any may be.
    if (protocol === "http2" && bytes[0] === 0x48 && bytes[1] === 0x54 && bytes[2] === 0x54) return hints.http1;
    return undefined;
  }

  #named(error: Error): Error {
    const { host, port } = this.#endpoint;
    return new Error(`${host}:${port}: ${error.message}`, { cause: error });
  }

  write(bytes: Uint8Array): boolean {
    return this.#stream.write(bytes);
  }

  get idle(): boolean | undefined {
    return this.#stream.idle;
  }

  get moved(): number | undefined {
    return this.#stream.moved;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}
