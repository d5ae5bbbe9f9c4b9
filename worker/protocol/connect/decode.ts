/** Connect's request bodies in gRPC's framing. Streams have it already; a unary call's message gets its prefix. */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { Body } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { decodeBase64 } from "../../wire/base64.ts";
import { envelope, envelopePrefix, Flag } from "../../wire/envelope.ts";
import { Gatherer } from "../../wire/gather.ts";
import { decodePercent, decodePercentText } from "../../wire/percent.ts";
import type { ConnectGetCaller, ConnectUnaryCaller } from "../caller.ts";
import { maxMessageBytes } from "../limits.ts";
import { sourceOf, Step } from "../step.ts";

export function decodeUnary({ compressed, contentLength }: ConnectUnaryCaller, body: Body): Body {
  return contentLength === undefined ? new Gathered(body, compressed) : new Announced(body, compressed, contentLength);
}

export function decodeGet({ base64, compressed, message }: ConnectGetCaller): Body {
  const bytes = base64
    ? (decodeBase64(decodePercentText(message)) ?? new Uint8Array(0))
    : decodePercent(message.replaceAll("+", " "));
  return sourceOf(envelope(flags(compressed, bytes.length), bytes), Fields.empty);
}

/** An empty body counts as uncompressed whatever the headers say (Connect protocol, Unary-Request). */
function flags(compressed: boolean, length: number): number {
  return compressed && length > 0 ? Flag.COMPRESSED : 0;
}

/** A message whose length is known passes as it comes. */
class Announced extends Step<Fields, Fields> {
  readonly #compressed: boolean;
  readonly #length: number;
  #seen = 0;
  #begun = false;

  constructor(body: Body, compressed: boolean, length: number) {
    super(body);
    this.#compressed = compressed;
    this.#length = length;
  }

  protected take(bytes: Uint8Array): void {
    this.#seen += bytes.length;
    if (this.#seen > this.#length) return this.breakOff(this.#mismatch());
    this.#begin();
    this.give(bytes);
  }

  end(trailers: Fields): void {
    if (this.#seen < this.#length) return this.breakOff(this.#mismatch());
    this.#begin();
    this.finish(trailers);
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.give(envelopePrefix(flags(this.#compressed, this.#length), this.#length));
  }

  #mismatch(): CallError {
    const message = `the body has ${this.#seen} bytes, its content-length is ${this.#length}`;
    return new CallError(Code.INVALID_ARGUMENT, message, { side: "caller" });
  }
}

/** A message of unknown length is held until it is complete. */
class Gathered extends Step<Fields, Fields> {
  readonly #compressed: boolean;
  readonly #message = new Gatherer();

  constructor(body: Body, compressed: boolean) {
    super(body);
    this.#compressed = compressed;
  }

  protected take(bytes: Uint8Array): void {
    if (this.#message.length + bytes.length > maxMessageBytes) {
      const message = `the message is larger than ${maxMessageBytes} bytes`;
      return this.breakOff(new CallError(Code.RESOURCE_EXHAUSTED, message, { side: "edge" }));
    }
    this.#message.add(bytes);
  }

  end(trailers: Fields): void {
    const message = this.#message.take();
    this.give(envelopePrefix(flags(this.#compressed, message.length), message.length));
    this.give(message);
    this.finish(trailers);
  }
}
