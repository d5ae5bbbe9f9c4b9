/** Writes a request's body in HTTP/1.1's framing, at the pace of the connection. */
import type { ByteStream } from "../call/byte-stream.ts";
import { CallError } from "../call/error.ts";
import { type Body, type BodySink, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import type { Framing } from "./head.ts";

const ascii = new TextEncoder();
const lineEnd = ascii.encode("\r\n");
const lastChunk = ascii.encode("0\r\n\r\n");

export class RequestWriter implements BodySink {
  readonly #stream: ByteStream;
  readonly #body: Body;
  readonly #framing: Framing;
  readonly #failed: (error: CallError) => void;
  /** Body bytes written while the connection was backed up: the source is credited when it drains. */
  #uncredited = 0;
  #blocked = false;
  #sent = 0;
  #state: "open" | "done" | "stopped" = "open";

  /** `failed` is called if the body breaks off. */
  constructor(stream: ByteStream, body: Body, framing: Framing, failed: (error: CallError) => void) {
    this.#stream = stream;
    this.#body = body;
    this.#framing = framing;
    this.#failed = failed;
  }

  /** Whether the whole request is on its way. */
  get done(): boolean {
    return this.#state === "done";
  }

  start(head: Uint8Array): void {
    this.#blocked = !this.#stream.write(head);
    if (this.#body === noBody) this.#state = "done";
    else if (this.#framing !== "raw") this.#body.pipe(this);
  }

  /** The connection is the caller's from here on. */
  upgraded(): void {
    if (this.#state === "open") this.#body.pipe(this);
  }

  /** No more is wanted. */
  stop(error: CallError): void {
    if (this.#state !== "open") return;
    this.#state = "stopped";
    this.#body.cancel(error);
  }

  drained(): void {
    this.#blocked = false;
    const bytes = this.#uncredited;
    this.#uncredited = 0;
    if (bytes > 0 && this.#state === "open") this.#body.consumed(bytes);
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open" || bytes.length === 0) return;
    this.#sent += bytes.length;
    if (typeof this.#framing === "object" && this.#sent > this.#framing.length) return this.#wrongLength();
    this.#blocked = !this.#stream.write(this.#framing === "chunked" ? chunkOf(bytes) : bytes.slice());
    if (this.#blocked) this.#uncredited += bytes.length;
    else this.#body.consumed(bytes.length);
  }

  end(): void {
    if (this.#state !== "open") return;
    if (typeof this.#framing === "object" && this.#sent !== this.#framing.length) return this.#wrongLength();
    this.#state = "done";
    if (this.#framing === "chunked") this.#stream.write(lastChunk.slice());
    else if (this.#framing === "raw") this.#stream.end();
  }

  fail(error: CallError): void {
    if (this.#state !== "open") return;
    this.#state = "stopped";
    this.#failed(error);
  }

  /** What follows would be read as another request. */
  #wrongLength(): void {
    const error = new CallError(Code.INVALID_ARGUMENT, "the body is not as long as content-length says", {
      side: "caller",
    });
    this.stop(error);
    this.#failed(error);
  }
}

function chunkOf(bytes: Uint8Array): Uint8Array {
  const size = ascii.encode(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + bytes.length + lineEnd.length);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.set(lineEnd, size.length + bytes.length);
  return chunk;
}
