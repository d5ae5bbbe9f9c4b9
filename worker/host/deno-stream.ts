/** Deno's connections as ByteStreams. */
import type { ByteStream, ByteStreamEvents } from "../call/byte-stream.ts";

/** What a connection reads into: as much as the kernel hands over at once. */
const readBytes = 64 * 1024;
/** Bytes that wait for the kernel, after which the stream asks for a pause. */
const writeBytes = 256 * 1024;

/** A stream over `connection`, which nobody else reads or writes. */
export class DenoStream implements ByteStream {
  readonly #connection: Deno.Conn;
  #events: ByteStreamEvents | undefined;
  readonly #unwritten: Uint8Array[] = [];
  #unwrittenBytes = 0;
  #moved = 0;
  #writing = false;
  #blocked = false;
  #ending = false;
  #destroyed = false;
  #paused = false;
  #wake: (() => void) | undefined;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
    connection.setNoDelay?.();
  }

  open(events: ByteStreamEvents): void {
    this.#events = events;
    this.#readAll().then(
      () => this.#close(),
      (error: unknown) => this.#close(error as Error),
    );
  }

  write(bytes: Uint8Array): boolean {
    this.#unwritten.push(bytes);
    this.#unwrittenBytes += bytes.length;
    this.#startWriting();
    this.#blocked = this.#unwrittenBytes > writeBytes;
    return !this.#blocked;
  }

  get moved(): number {
    return this.#moved;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
  }

  end(): void {
    this.#ending = true;
    this.#startWriting();
  }

  destroy(): void {
    this.#events = undefined;
    this.resume();
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#connection.close();
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(readBytes);
    while (this.#events !== undefined) {
      // oxlint-disable-next-line no-await-in-loop -- a connection's bytes come in their order
      if (this.#paused) await new Promise<void>((resolve) => (this.#wake = resolve));
      // oxlint-disable-next-line no-await-in-loop
      const length = await this.#connection.read(buffer);
      if (length === null) return;
      this.#events?.data(buffer.subarray(0, length));
    }
  }

  #startWriting(): void {
    if (this.#writing || this.#destroyed) return;
    this.#writing = true;
    this.#writeAll().catch((error: unknown) => this.#close(error as Error));
  }

  async #writeAll(): Promise<void> {
    for (let bytes = this.#unwritten[0]; bytes !== undefined; bytes = this.#unwritten[0]) {
      // oxlint-disable-next-line no-await-in-loop -- a connection's bytes go in their order
      const written = await this.#connection.write(bytes);
      if (written < bytes.length) this.#unwritten[0] = bytes.subarray(written);
      else this.#unwritten.shift();
      this.#unwrittenBytes -= written;
      this.#moved += written;
      if (this.#blocked && this.#unwrittenBytes <= writeBytes / 2) {
        this.#blocked = false;
        this.#events?.drain();
      }
    }
    // In the very turn that found nothing left: what comes after it is written by another round.
    this.#writing = false;
    if (this.#ending && !this.#destroyed) await this.#connection.closeWrite();
  }

  #close(error?: Error): void {
    const events = this.#events;
    this.#events = undefined;
    events?.close(error);
  }
}
