/** Messages in another compression, where the two sides of a call share none. */
import { CallError, type Side } from "../call/error.ts";
import type { Source } from "../call/flow.ts";
import type { RpcResponse } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { Backlog } from "../wire/backlog.ts";
import { envelope, envelopedLength, Flag, prefixLength } from "../wire/envelope.ts";
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

class Recoding<E> extends Step<E, E> {
  readonly #options: RecodeOptions;
  /** What has come and is not taken up: as bytes, since a message of five would take forty times as much by itself. */
  readonly #backlog = new Backlog();
  /** Bytes of the message that is being converted. */
  #converting = 0;
  /** Whether what is at hand is being gone through. */
  #passing = false;
  #held = 0;
  /** Delivers the end, once every message is through. */
  #ending: (() => void) | undefined;

  constructor(messages: Source<E>, options: RecodeOptions) {
    super(messages);
    this.#options = options;
  }

  protected take(bytes: Uint8Array): void {
    this.#backlog.push(bytes);
    this.#held = this.#untaken;
    this.#next();
  }

  /** What waits for its reader, or for the message before it, is not credited: it is the source's window. */
  protected override get held(): number {
    return this.#held;
  }

  override consumed(bytes: number): void {
    super.consumed(bytes);
    this.#next();
  }

  end(end: E): void {
    this.#ending = () => {
      if (this.#backlog.length === 0) this.finish(end);
      else this.breakOff(this.#error(Code.INTERNAL, "the stream ended within a message"));
    };
    this.#next();
  }

  /** Bytes that have come and of which nothing was given. */
  get #untaken(): number {
    return this.#converting + this.#backlog.length;
  }

  get #stalled(): boolean {
    return this.#converting > 0 || this.waiting >= mostWaiting;
  }

  /** Takes up what is at hand, as far as the reader has room for it. */
  #next(): void {
    // What is given may be consumed at once, and more may come for it.
    if (this.#passing) return;
    this.#passing = true;
    while (this.open && !this.#stalled && this.#pass());
    this.#passing = false;
    if (!this.open) return this.#backlog.clear();
    // Where nothing stalls, the rest is the beginning of a message, which may be larger than the window.
    this.#held = this.#stalled ? this.#untaken : 0;
    this.settle();
    if (this.#untaken === 0 || !this.#stalled) this.#ending?.();
  }

  /** Gives the messages in front that stay what they are, in one piece, or else converts the first. False: none is whole. */
  #pass(): boolean {
    const bytes = this.#backlog.peek();
    const unchanged = this.#unchanged(bytes);
    if (unchanged > 0) {
      this.give(this.#backlog.take(unchanged));
      return true;
    }
    const length = envelopedLength(bytes);
    if (length === undefined) return false;
    const fault = this.#faultOf(bytes[0]!, length);
    if (fault !== undefined) this.breakOff(fault);
    else if (prefixLength + length <= bytes.length) this.#convert(this.#backlog.take(prefixLength + length));
    return this.#converting > 0;
  }

  /** The bytes of the messages in front that stay what they are, as many as there is room for. */
  #unchanged(bytes: Uint8Array): number {
    const room = mostWaiting - this.waiting;
    let at = 0;
    while (at < room) {
      const length = envelopedLength(bytes, at);
      if (length === undefined || bytes.length - at < prefixLength + length || !this.#stays(bytes[at]!, length)) break;
      // The other flags are reserved.
      bytes[at]! &= Flag.COMPRESSED;
      at += prefixLength + length;
    }
    return at;
  }

  #stays(flags: number, length: number): boolean {
    const { from, to } = this.#options;
    if (length > maxMessageBytes) return false;
    if ((flags & Flag.COMPRESSED) !== 0) return from !== undefined && from === to;
    // An empty message gains nothing by compression.
    return to === undefined || length === 0;
  }

  #faultOf(flags: number, length: number): CallError | undefined {
    if (length > maxMessageBytes)
      return this.#error(Code.RESOURCE_EXHAUSTED, `the message is larger than ${maxMessageBytes} bytes`);
    if ((flags & Flag.COMPRESSED) === 0 || this.#options.from !== undefined) return undefined;
    return this.#error(Code.INTERNAL, "a message is compressed, but not in a way that is known");
  }

  #convert(message: Uint8Array): void {
    this.#converting = message.length;
    this.#converted(message[0]!, message.subarray(prefixLength)).then(
      (converted) => {
        // Still converting: what is consumed while it is given must bring nothing before all of it was.
        this.give(converted);
        this.#converting = 0;
        this.#next();
      },
      (error: unknown) => this.breakOff(this.#broken(error)),
    );
  }

  async #converted(flags: number, bytes: Uint8Array): Promise<Uint8Array> {
    const { from, to } = this.#options;
    const compressed = (flags & Flag.COMPRESSED) !== 0 && from !== undefined;
    const plain = compressed ? await from.decompress(bytes, expansionLimit(bytes.length, maxMessageBytes)) : bytes;
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
