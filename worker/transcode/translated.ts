/** A call whose messages are JSON at the caller and protobuf at the origin. */
import type { DescMethod, Registry } from "@bufbuild/protobuf";
import type { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import type { Body, HttpResponse, RequestHead } from "../call/http.ts";
import type { RpcResponse } from "../call/rpc.ts";
import type { Compressions } from "../protocol/compression.ts";
import {
  acceptable,
  decodeAnswer,
  decodeRequest,
  encodeCall,
  encodeFailure,
  encodeResponse,
  type MapEnd,
  type OriginCall,
  recode,
  type RpcCaller,
} from "../protocol/index.ts";
import { binaryFromJson, jsonBytes, jsonFromBinary } from "./codec.ts";
import { type Conversation, encodingOf } from "./conversation.ts";
import { translateMessages } from "./messages.ts";

export interface TranslatedOptions {
  readonly caller: RpcCaller;
  /** The call in the caller's codec. */
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly method: DescMethod;
  readonly registry: Registry;
  readonly origin: Extract<OriginCall, "grpc" | "grpc-web">;
  readonly compressions: Compressions;
}

export class TranslatedConversation implements Conversation {
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly endsInBody: boolean;
  readonly #options: TranslatedOptions;

  constructor(options: TranslatedOptions) {
    this.head = encodeCall(options.origin, inProtobuf(options.head));
    this.timeoutMs = options.timeoutMs;
    this.endsInBody = options.origin !== "grpc";
    this.#options = options;
  }

  request(body: Body): Body {
    const { caller, compressions, head, method, registry } = this.#options;
    const messages = decodeRequest(caller, body);
    const from = compressions.get(encodingOf(head));
    const plain = from === undefined ? messages : recode(messages, { from, to: undefined, side: "caller" });
    return translateMessages(plain, (message) => binaryFromJson(method.input, message, registry), "caller");
  }

  answer(response: HttpResponse, respond: (response: HttpResponse) => void, ended: MapEnd): void {
    const { caller, compressions, method, origin, registry } = this.#options;
    const compressed = decodeAnswer(origin, response, "proto", { compressions, ended });
    const { head, messages } = acceptable({ ...caller, acceptEncoding: undefined }, compressed, compressions);
    const toJson = (message: Uint8Array) => jsonBytes(jsonFromBinary(method.output, message, registry));
    const translated: RpcResponse = {
      // What requests may be compressed with: they are decompressed here.
      head: head && { ...head, codec: caller.codec, acceptEncoding: [...compressions.keys()].join(",") },
      messages: translateMessages(messages, toJson, "origin"),
    };
    encodeResponse(caller, translated, respond);
  }

  failure(error: CallError): HttpResponse {
    return encodeFailure(this.#options.caller, error);
  }
}

/** The head of the call in protobuf, in neither direction compressed: messages are taken apart at the edge. */
function inProtobuf(head: RequestHead): RequestHead {
  const flat: string[] = [];
  for (const [name, value] of head.fields) {
    if (name === "content-type") flat.push(name, "application/grpc");
    else if (name !== "grpc-encoding" && name !== "grpc-accept-encoding") flat.push(name, value);
  }
  return { ...head, fields: new Fields(flat, head.fields.neverIndexed) };
}
