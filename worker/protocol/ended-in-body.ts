/** Answers whose end is a frame of the body, as in gRPC-Web and in Connect's streams. */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import type { Source } from "../call/flow.ts";
import type { RpcEnd } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { EnvelopeSplitter } from "../wire/envelope.ts";
import { endOf } from "./end.ts";
import { Step } from "./step.ts";

/** Passes the messages through `encode`, and behind them the frame that `frame` makes of the end. */
export class EndedInBody extends Step<RpcEnd, Fields> {
  readonly #frame: (end: RpcEnd) => Uint8Array;
  readonly #encode: ((bytes: Uint8Array) => Uint8Array) | undefined;
  readonly #splitter = new EnvelopeSplitter({ begin() {}, piece() {}, complete() {} });

  constructor(
    messages: Source<RpcEnd>,
    frame: (end: RpcEnd) => Uint8Array,
    encode?: (bytes: Uint8Array) => Uint8Array,
  ) {
    super(messages);
    this.#frame = frame;
    this.#encode = encode;
  }

  protected take(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    this.#pass(bytes);
  }

  end(end: RpcEnd): void {
    if (!this.#splitter.atBoundary) {
      // Behind half a message the caller would read the last frame as the other half.
      const cause = end.code === Code.OK ? "" : `: ${end.message}`;
      return super.fail(
        new CallError(Code.INTERNAL, `the answer broke off within a message${cause}`, { side: "origin" }),
      );
    }
    this.#pass(this.#frame(end));
    this.finish(Fields.empty);
  }

  override fail(error: CallError): void {
    this.end(endOf(error));
  }

  #pass(bytes: Uint8Array): void {
    this.give(this.#encode === undefined ? bytes : this.#encode(bytes));
  }
}
