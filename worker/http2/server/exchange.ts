/** One request of the peer's and our answer. */
import { CallError } from "../../call/error.ts";
import { type Answer, type Cancel, type HttpResponse, noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { ErrorCode, StreamError } from "../error.ts";
import type { MessageReader } from "../message/read.ts";
import type { MessageWriter } from "../message/write.ts";
import type { StreamOwner } from "../stream/owner.ts";
import { maySend } from "../stream/state.ts";
import { answeredEarly, Stream } from "../stream/stream.ts";

/** What an exchange needs of its connection besides. */
export interface ServerOwner extends StreamOwner {
  readonly messages: MessageReader;
  readonly writer: MessageWriter;
  /** An answer was sent in full. */
  answered(): void;
  sendHead(streamId: number, endStream: boolean): void;
}

export class ServerExchange extends Stream implements Answer {
  readonly #server: ServerOwner;
  readonly #isHead: boolean;
  #answered = false;
  /** What ends the handler's work; undefined once there is nothing left to end. */
  #cancelHandler: Cancel | undefined;
  #brokenBy: CallError | undefined;

  constructor(owner: ServerOwner, id: number, endStream: boolean, isHead: boolean) {
    super(owner, id, endStream ? "half-closed (remote)" : "open");
    this.#server = owner;
    this.#isHead = isHead;
  }

  /** The handler's Cancel; called at once if the exchange broke off before the handler returned. */
  handledBy(cancel: Cancel): void {
    if (this.#brokenBy !== undefined) cancel(this.#brokenBy);
    else if (maySend(this.state)) this.#cancelHandler = cancel;
  }

  respond({ head, body }: HttpResponse): void {
    if (this.#answered || !maySend(this.state)) return body.cancel(this.#gone());
    this.#answered = true;
    try {
      this.#server.writer.response(head);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      body.cancel(error);
      this.abort(error);
      return;
    }
    const bodiless = body === noBody || this.#isHead || head.status === 204 || head.status === 304;
    this.#server.sendHead(this.id, bodiless);
    if (!bodiless) return this.send(body);
    if (body !== noBody) body.cancel(this.#gone());
    this.sentEnd();
  }

  override fail(error: CallError): void {
    this.#answered = true;
    super.fail(error);
  }

  receiveHeaders(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const parsed = this.#server.messages.trailers(bytes, start, end);
    if (parsed.kind === "malformed") throw new StreamError(ErrorCode.PROTOCOL_ERROR, parsed.why);
    if (parsed.kind === "oversize") {
      this.abort(this.owner.exceeded("maxHeaderListBytes", "the request's trailers are over the limit"));
      return;
    }
    if (!endStream) throw new StreamError(ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream");
    this.receiveEnd(parsed.fields);
  }

  /** Nobody is there any more to be answered. */
  #gone(): CallError {
    return this.#brokenBy ?? new CallError(Code.CANCELLED, "the answer was given already", { side: "edge" });
  }

  /** The rest of the request is passed over, until the answer has ended. */
  protected onTakerGone(): void {}

  protected onReceivedEnd(): void {}

  /** An answer may end before its request did (section 8.1): the peer is asked to send no more. */
  protected onSentEnd(): void {
    this.#cancelHandler = undefined;
    this.#server.answered();
    if (this.state === "half-closed (local)") this.abort(answeredEarly(), ErrorCode.NO_ERROR);
  }

  protected onBrokenOff(error: CallError): void {
    this.#brokenBy = error;
    const cancel = this.#cancelHandler;
    this.#cancelHandler = undefined;
    cancel?.(error);
  }
}
