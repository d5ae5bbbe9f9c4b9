/** Messages in another compression, where the two sides of a call share none. */
import { CallError, type Side } from "../call/error.ts";
import type { Source } from "../call/flow.ts";
import type { RpcResponse } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { envelope, EnvelopeSplitter, Flag } from "../wire/envelope.ts";
import { Gatherer } from "../wire/gather.ts";
import type { RpcCaller } from "./caller.ts";
import { type Compression, type Compressions, expansionLimit, TooLarge } from "./compression.ts";
import { maxMessageBytes } from "./limits.ts";
import { Step } from "./step.ts";

export interface RecodeOptions {
  /** What compressed messages come in. Undefined if it is identity or not known: then none may be compressed. */
  readonly from: Compression | undefined;
  /** What they leave in. Undefined to leave them plain. */
  readonly to: Compression | undefined;
  /** Who sends the messages. */
  readonly side: Side;
}

/** `messages`, in gRPC's framing, decompressed and compressed anew; those that are what is wanted stay so. */
export function recode<E>(messages: Source<E>, options: RecodeOptions): Source<E> {
  return new Recoding(messages, options);
}

/**
 * The answer in a compression that the caller takes: as it is, or without any. One in a compression that nobody knows
 * fails at its first compressed message; an error has none, and arrives.
 */
export function acceptable(caller: RpcCaller, response: RpcResponse, compressions: Compressions): RpcResponse {
  const { head, messages } = response;
  if (head === undefined || head.encoding === "identity" || accepts(caller, head.encoding)) return response;
  const from = compressions.get(head.encoding);
  const plain = recode(messages, { from, to: undefined, side: "origin" });
  return { head: { ...head, encoding: "identity" }, messages: plain };
}

function accepts({ acceptEncoding }: RpcCaller, encoding: string): boolean {
  return acceptEncoding?.split(",").some((name) => name.trim() === encoding) === true;
}

/** Output that may wait to be consumed before the next message is taken up: one message may be a thousand times larger. */
const mostWaiting = 64 * 1024;

interface Message {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

class Recoding<E> extends Step<E, E> {
  readonly #options: RecodeOptions;
  readonly #splitter: EnvelopeSplitter;
  readonly #message = new Gatherer();
  #flags = 0;
  readonly #queue: Message[] = [];
  #queued = 0;
  #busy = false;
  /** Delivers the end, once every message is through. */
  #ending: (() => void) | undefined;

  constructor(messages: Source<E>, options: RecodeOptions) {
    super(messages);
    this.#options = options;
    this.#splitter = new EnvelopeSplitter({
      begin: (flags, length) => this.#begin(flags, length),
      piece: (bytes) => {
        if (this.open) this.#message.add(bytes);
      },
      complete: () => this.#complete(),
    });
  }

  protected take(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
  }

  /** Whole messages that wait are not credited: they are the source's window. */
  protected override get held(): number {
    return this.#queued;
  }

  override consumed(bytes: number): void {
    super.consumed(bytes);
    this.#next();
  }

  end(end: E): void {
    this.#ending = () => {
      if (this.#splitter.atBoundary) this.finish(end);
      else this.breakOff(this.#error(Code.INTERNAL, "the stream ended within a message"));
    };
    this.#next();
  }

  #begin(flags: number, length: number): void {
    this.#flags = flags;
    if (length > maxMessageBytes) {
      this.breakOff(this.#error(Code.RESOURCE_EXHAUSTED, `the message is larger than ${maxMessageBytes} bytes`));
    } else if ((flags & Flag.COMPRESSED) !== 0 && this.#options.from === undefined) {
      this.breakOff(this.#error(Code.INTERNAL, "a message is compressed, but not in a way that is known"));
    }
  }

  #complete(): void {
    if (!this.open) return;
    const bytes = this.#message.take();
    this.#queue.push({ flags: this.#flags, bytes });
    this.#queued += bytes.length;
    this.#next();
  }

  #next(): void {
    if (this.#busy || !this.open) return;
    const message = this.waiting < mostWaiting ? this.#queue.shift() : undefined;
    if (message !== undefined) {
      this.#busy = true;
      this.#convert(message).then(
        (converted) => this.#done(message, converted),
        (error: unknown) => this.breakOff(this.#broken(error)),
      );
    } else if (this.#queue.length === 0) this.#ending?.();
  }

  #done(message: Message, converted: Uint8Array): void {
    this.#queued -= message.bytes.length;
    // Still busy: what is consumed while it is given must not bring the end before all of it was.
    this.give(converted);
    this.#busy = false;
    this.#next();
  }

  async #convert({ flags, bytes }: Message): Promise<Uint8Array> {
    const { from, to } = this.#options;
    const compressed = (flags & Flag.COMPRESSED) !== 0 && from !== undefined;
    if (compressed && from === to) return envelope(Flag.COMPRESSED, bytes);
    const plain = compressed ? await from.decompress(bytes, expansionLimit(bytes.length, maxMessageBytes)) : bytes;
    // An empty message gains nothing by compression.
    return to === undefined || plain.length === 0
      ? envelope(0, plain)
      : envelope(Flag.COMPRESSED, await to.compress(plain));
  }

  #broken(error: unknown): CallError {
    if (error instanceof TooLarge) return this.#error(Code.RESOURCE_EXHAUSTED, error.message);
    const code = this.#options.side === "caller" ? Code.INVALID_ARGUMENT : Code.INTERNAL;
    return this.#error(code, "a message cannot be decompressed");
  }

  #error(code: Code, message: string): CallError {
    return new CallError(code, message, { side: this.#options.side });
  }
}
