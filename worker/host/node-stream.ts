/** {@link ByteStream}s over Node's sockets. */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import type { ByteStream, ByteStreamEvents } from "../call/byte-stream.ts";

/** What a connection reads into: as much as the kernel hands over at once. */
const readBufferBytes = 65_536;

/** A stream over `socket`, plain or TLS, whose reading nobody has started. */
export function nodeStream(socket: Socket): ByteStream {
  return new NodeStream(socket);
}

/**
 * Opens a plain connection that reads into one buffer for its life, which `node:net` does for connections it opens only.
 * Rejects if the connection fails or takes longer than `timeoutMs`.
 */
export function connectTcp(options: NetConnectOpts, timeoutMs: number): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const reader: { stream?: NodeStream } = {};
    const callback = (length: number, buffer: Uint8Array): boolean => {
      reader.stream?.deliver(buffer.subarray(0, length));
      return true;
    };
    const socket = connect({ ...options, onread: { buffer: new Uint8Array(readBufferBytes), callback } });
    reader.stream = new NodeStream(socket);
    const failed = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const late = (): void => failed(new Error(`no connection within ${timeoutMs} ms`));
    socket.setTimeout(timeoutMs, late);
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.setTimeout(0, late);
      socket.off("error", failed);
      socket.pause();
      resolve(reader.stream!);
    });
  });
}

class NodeStream implements ByteStream {
  readonly #socket: Socket;
  #events: ByteStreamEvents | undefined;
  #error: Error | undefined;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    if (socket.connecting) socket.once("connect", () => socket.setNoDelay(true));
    else socket.setNoDelay(true);
    socket.on("error", (error) => (this.#error = error));
  }

  open(events: ByteStreamEvents): void {
    this.#events = events;
    const socket = this.#socket;
    socket.on("data", (bytes: Buffer) => events.data(bytes));
    socket.on("drain", () => events.drain());
    socket.on("end", () => this.#close());
    socket.on("close", () => this.#close());
    socket.resume();
    if (socket.destroyed) queueMicrotask(() => this.#close());
  }

  /** Bytes that came by the connection's own buffer. */
  deliver(bytes: Uint8Array): void {
    this.#events?.data(bytes);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events?.close(this.#error);
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  /** A write that the kernel, or TLS, took at once leaves nothing behind. */
  get idle(): boolean {
    return this.#socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
