/** Connect's bodies in gRPC's framing. Streams have it already; a unary call's message gets its prefix. */
import { CallError, type Side } from "../../call/error.ts";
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
  return frameMessage(body, { compressed, contentLength, side: "caller" });
}

export interface UnaryBody {
  readonly compressed: boolean;
  /** Bytes of the body. Undefined if nobody said. */
  readonly contentLength: number | undefined;
  /** Who sends it. */
  readonly side: Side;
}

/** A body that is a message, with the message's prefix. */
export function frameMessage(body: Body, as: UnaryBody): Body {
  return as.contentLength === undefined ? new Gathered(body, as) : new Announced(body, as, as.contentLength);
}

/** The number in a content-length. Undefined if there is none, or none that a body could have. */
export function contentLengthOf(fields: Fields): number | undefined {
  const length = fields.get("content-length");
  return length !== undefined && /^\d{1,10}$/.test(length) ? Number(length) : undefined;
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
  readonly #as: UnaryBody;
  readonly #length: number;
  #seen = 0;
  #begun = false;

  constructor(body: Body, as: UnaryBody, length: number) {
    super(body);
    this.#as = as;
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
    this.give(envelopePrefix(flags(this.#as.compressed, this.#length), this.#length));
  }

  #mismatch(): CallError {
    const message = `the body has ${this.#seen} bytes, its content-length is ${this.#length}`;
    const { side } = this.#as;
    return new CallError(side === "caller" ? Code.INVALID_ARGUMENT : Code.INTERNAL, message, { side });
  }
}

/** A message of unknown length is held until it is complete. */
class Gathered extends Step<Fields, Fields> {
  readonly #as: UnaryBody;
  readonly #message = new Gatherer();

  constructor(body: Body, as: UnaryBody) {
    super(body);
    this.#as = as;
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
    this.give(envelopePrefix(flags(this.#as.compressed, message.length), message.length));
    this.give(message);
    this.finish(trailers);
  }
}
