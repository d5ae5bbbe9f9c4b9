/**
 * gRPC's answers to callers of gRPC. Most pass as they are but for what the two protocols' headers are made of, and that
 * is the same for most of them: it is found out once for header fields and trailers that come again.
 */
import type { CallError } from "../../call/error.ts";
import type { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody, type ResponseHead } from "../../call/http.ts";
import { Recent } from "../../call/recent.ts";
import { encodeGrpcEnd } from "../../wire/grpc-end.ts";
import type { FramedCaller } from "../caller.ts";
import { endOf } from "../end.ts";
import { Step } from "../step.ts";
import { decodeEnd, decodeHead, refusal } from "./decode.ts";
import { encodeHead } from "./encode.ts";

interface Passed {
  readonly contentType: string;
  readonly head: ResponseHead;
}

const heads = new Recent<ResponseHead, Passed>();
const ends = new Recent<Fields, Fields>();

/** The origin's answer as `caller` gets it. Undefined if it does not pass as it is. */
export function passAnswer(caller: FramedCaller, { head, body }: HttpResponse): HttpResponse | undefined {
  if (body === noBody) return undefined;
  const known = heads.get(head);
  if (known?.contentType === caller.contentType) return { head: known.head, body: new Messages(body) };
  const { fields } = head;
  if (fields.has("grpc-status") || refusal(head, "application/grpc", caller.codec) !== undefined) return undefined;
  const decoded = decodeHead(fields, caller.codec);
  if (decoded.encoding !== "identity") return undefined;
  const passed = { status: 200, fields: encodeHead(caller, decoded) };
  heads.set(head, { contentType: caller.contentType, head: passed });
  return { head: passed, body: new Messages(body) };
}

/** Passes the messages as they are, and puts the trailers in order. */
class Messages extends Step<Fields, Fields> {
  protected take(bytes: Uint8Array): void {
    this.give(bytes);
  }

  end(trailers: Fields): void {
    this.finish(ends.get(trailers) ?? ends.set(trailers, encodeGrpcEnd(decodeEnd(trailers))));
  }

  override fail(error: CallError): void {
    this.finish(encodeGrpcEnd(endOf(error)));
  }
}
