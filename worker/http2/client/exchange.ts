/** One request of ours and its answer. */
import type { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type Answer, type Body, type HttpRequest, noBody } from "../../call/http.ts";
import { ErrorCode, StreamError } from "../error.ts";
import type { MessageReader } from "../message/read.ts";
import type { StreamOwner } from "../stream/owner.ts";
import { answeredEarly, Stream } from "../stream/stream.ts";

/** What an exchange needs of its connection besides. */
export interface ClientOwner extends StreamOwner {
  readonly messages: MessageReader;
}

export class ClientExchange extends Stream {
  readonly #client: ClientOwner;
  readonly #isHead: boolean;
  /** Undefined once the response's head was passed on, or nobody waits for it. */
  #answer: Answer | undefined;
  #interim = 0;

  constructor(owner: ClientOwner, id: number, request: HttpRequest, answer: Answer) {
    super(owner, id, request.body === noBody ? "half-closed (local)" : "open");
    this.#client = owner;
    this.#answer = answer;
    this.#isHead = request.head.method === "HEAD";
  }

  /** The head is sent: the body follows. */
  sendBody(body: Body): void {
    this.send(body);
  }

  /** The asker is gone: it hears nothing more. */
  withdraw(reason: CallError): void {
    if (this.state === "closed") return;
    this.#answer = undefined;
    this.forget(reason, ErrorCode.CANCEL);
  }

  receiveHeaders(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.#answer === undefined) return this.#receiveTrailers(bytes, start, end, endStream);
    const parsed = this.#client.messages.response(bytes, start, end);
    if (parsed.kind === "oversize") return this.#refuseOversize();
    if (parsed.kind === "malformed") throw new StreamError(ErrorCode.PROTOCOL_ERROR, parsed.why);
    if (parsed.head.status < 200) {
      if (endStream) throw new StreamError(ErrorCode.PROTOCOL_ERROR, "an interim answer that ends the stream");
      if (++this.#interim > this.owner.limits.maxInterimResponses) {
        this.abort(this.owner.exceeded("maxInterimResponses", "too many interim answers"));
      }
      return;
    }
    const answer = this.#answer;
    this.#answer = undefined;
    if (!this.#isHead && parsed.contentLength >= 0) {
      this.expectLength(parsed.contentLength);
      if (endStream && parsed.contentLength > 0) {
        this.#answer = answer;
        throw new StreamError(ErrorCode.PROTOCOL_ERROR, "less DATA than content-length says");
      }
    }
    try {
      answer.respond({ head: parsed.head, body: endStream ? noBody : this });
    } catch (error) {
      this.abortFor(error);
    }
    if (endStream && this.state !== "closed") this.receiveEnd(Fields.empty);
  }

  #receiveTrailers(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const parsed = this.#client.messages.trailers(bytes, start, end);
    if (parsed.kind === "oversize") return this.#refuseOversize();
    if (parsed.kind === "malformed") throw new StreamError(ErrorCode.PROTOCOL_ERROR, parsed.why);
    if (!endStream) throw new StreamError(ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream");
    this.receiveEnd(parsed.fields);
  }

  #refuseOversize(): void {
    this.abort(this.owner.exceeded("maxHeaderListBytes", "the answer's header list is over the limit"));
  }

  override receiveData(piece: Uint8Array, charge: number, padding: number, end: boolean): void {
    if (this.#answer !== undefined) {
      this.owner.giveConnectionWindow(piece.length + padding);
      throw new StreamError(ErrorCode.PROTOCOL_ERROR, "DATA before the answer's head");
    }
    super.receiveData(piece, charge, padding, end);
  }

  /** A client only ever says that it is no longer interested, or that it has what it wanted. */
  protected override resetCode(): ErrorCode {
    return this.state === "half-closed (remote)" ? ErrorCode.NO_ERROR : ErrorCode.CANCEL;
  }

  protected onTakerGone(error: CallError): void {
    this.abort(error);
  }

  /** An answer may end before its request did (section 8.1): the rest of the request is of no use. */
  protected onReceivedEnd(): void {
    if (this.state === "half-closed (remote)") this.abort(answeredEarly());
  }

  protected onSentEnd(): void {}

  protected onBrokenOff(error: CallError): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.fail(error);
  }
}
