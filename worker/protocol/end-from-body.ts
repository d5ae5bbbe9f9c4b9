/** Answers whose end is a frame of the body, as origins give them: in gRPC-Web and in Connect's streams. */
import { CallError } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import type { Body } from "../call/http.ts";
import type { RpcEnd } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { envelopePrefix, EnvelopeSplitter, Flag } from "../wire/envelope.ts";
import { Gatherer } from "../wire/gather.ts";
import { type Compression, expansionLimit } from "./compression.ts";
import { maxEndBytes } from "./limits.ts";
import { Step } from "./step.ts";

export interface EndFromBodyOptions {
  /** What the last frame is flagged with. */
  readonly flag: number;
  /** What it may be compressed with. Undefined: with nothing that is known. */
  readonly compression: Compression | undefined;
  /** The end that it tells of. Undefined if it tells of none. */
  readonly read: (frame: Uint8Array) => RpcEnd | undefined;
  /** The end of an answer that has neither messages nor a last frame, if it said so before. */
  readonly early: RpcEnd | undefined;
}

/** Passes the messages as they are; the frame behind them says how the call ended. */
export class EndFromBody extends Step<Fields, RpcEnd> {
  readonly #options: EndFromBodyOptions;
  readonly #frame = new Gatherer();
  readonly #splitter: EnvelopeSplitter;
  #empty = true;
  /** Flags of the last frame, once it has begun. */
  #last: number | undefined;
  /** What the last frame says, once it is read. */
  #end: RpcEnd | undefined;
  #ended = false;

  constructor(body: Body, options: EndFromBodyOptions) {
    super(body);
    this.#options = options;
    this.#splitter = new EnvelopeSplitter({
      begin: (flags, length) => this.#begin(flags, length),
      piece: (bytes) => {
        if (this.#last === undefined) this.give(bytes);
        else if (this.open) this.#frame.add(bytes);
      },
      complete: () => {
        if (this.#last !== undefined && this.open) this.#read(this.#last, this.#frame.take());
      },
    });
  }

  protected take(bytes: Uint8Array): void {
    this.#empty = false;
    this.#splitter.push(bytes);
  }

  end(): void {
    this.#ended = true;
    if (!this.#splitter.atBoundary) this.#refuse(Code.INTERNAL, "the answer broke off within a message");
    else if (this.#last !== undefined) this.#finish();
    else if (this.#empty && this.#options.early !== undefined) this.finish(this.#options.early);
    else this.#refuse(Code.INTERNAL, "the answer ended without a status");
  }

  /** Whatever comes behind its end takes nothing from an answer. */
  override fail(error: CallError): void {
    if (this.#end === undefined) super.fail(error);
    else this.finish(this.#end);
  }

  #begin(flags: number, length: number): void {
    if (this.#last !== undefined) return this.#refuse(Code.INTERNAL, "the answer goes on behind its end");
    if ((flags & this.#options.flag) === 0) return this.give(envelopePrefix(flags, length));
    if (length > maxEndBytes) return this.#refuse(Code.RESOURCE_EXHAUSTED, `the answer's end has ${length} bytes`);
    this.#last = flags;
  }

  #read(flags: number, frame: Uint8Array): void {
    const { compression } = this.#options;
    if ((flags & Flag.COMPRESSED) === 0) return this.#take(frame);
    if (compression === undefined)
      return this.#refuse(Code.INTERNAL, "the answer's end is compressed: nobody said how");
    compression.decompress(frame, expansionLimit(frame.length, maxEndBytes)).then(
      (plain) => this.#take(plain),
      () => this.#refuse(Code.INTERNAL, "the answer's end cannot be decompressed"),
    );
  }

  #take(frame: Uint8Array): void {
    this.#end = this.#options.read(frame);
    if (this.#end === undefined) this.#refuse(Code.INTERNAL, "the answer's end is malformed");
    else if (this.#ended) this.#finish();
  }

  /** The answer is over when both have come: what the last frame says, and the end of the body. */
  #finish(): void {
    if (this.#end !== undefined) this.finish(this.#end);
  }

  #refuse(code: Code, message: string): void {
    this.breakOff(new CallError(code, message, { side: "origin" }));
  }
}
