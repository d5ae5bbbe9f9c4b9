/** The body of a gRPC-Web request in text form: base64 of gRPC's framing (grpc/doc/PROTOCOL-WEB.md). */
import { CallError } from "../../call/error.ts";
import type { Fields } from "../../call/fields.ts";
import type { Body } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { Base64Decoder } from "../../wire/base64.ts";
import { Step } from "../step.ts";

export function decodeText(body: Body): Body {
  return new TextDecoding(body);
}

class TextDecoding extends Step<Fields, Fields> {
  readonly #decoder = new Base64Decoder();

  protected take(text: Uint8Array): void {
    this.#pass(this.#decoder.push(text));
  }

  end(trailers: Fields): void {
    this.#pass(this.#decoder.finish());
    this.finish(trailers);
  }

  #pass(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) return this.give(bytes);
    this.breakOff(new CallError(Code.INVALID_ARGUMENT, "the body is not base64", { side: "caller" }));
  }
}
