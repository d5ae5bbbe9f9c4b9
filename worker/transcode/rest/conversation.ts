/** A call by REST, as a method's google.api.http option describes it. */
import { create, type DescField, type DescMessage, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { CallError } from "../../call/error.ts";
import type { Body, HttpResponse, RequestHead } from "../../call/http.ts";
import type { RpcRequestHead } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import type { Compressions } from "../../protocol/compression.ts";
import { contentLengthOf } from "../../protocol/connect/decode.ts";
import { essence } from "../../protocol/content-type.ts";
import { endOf } from "../../protocol/end.ts";
import { acceptGrpc } from "../../protocol/grpc/accept.ts";
import {
  acceptable,
  type Caller,
  decodeAnswer,
  decodeRequest,
  encodeCall,
  encodeMessages,
  encodeRequest,
  type MapEnd,
  type OriginCall,
  type OriginProtocol,
  recode,
} from "../../protocol/index.ts";
import { attempt, jsonBytes, jsonFromBinary } from "../codec.ts";
import type { Conversation, Refusal } from "../conversation.ts";
import { isObject } from "../json-object.ts";
import { translateMessages } from "../messages.ts";
import { encodeError, encodeStream, encodeUnary } from "./answer.ts";
import { givesHttpBody, httpBodyIn, takesHttpBody } from "./http-body.ts";
import { requestMessage } from "./request.ts";
import type { Binding, Found } from "./templates.ts";

export interface RestOptions {
  readonly registry: Registry;
  readonly originProtocol: OriginProtocol;
  readonly compressions: Compressions;
}

/** @param head as the caller sent it, filtered */
export function converseRest(head: RequestHead, found: Found, options: RestOptions): Conversation | Refusal {
  try {
    return new RestConversation(head, found, options);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { head: undefined, refusal: encodeFailure(error, options.registry), error };
  }
}

function encodeFailure(error: CallError, registry: Registry): HttpResponse {
  return encodeError(endOf(error), registry, undefined, error.httpStatus);
}

class RestConversation implements Conversation {
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly endsInBody: boolean;
  readonly #caller: Caller & { readonly protocol: "connect-unary" };
  readonly #encoding: string;
  readonly #contentType: string | undefined;
  readonly #found: Found;
  readonly #origin: OriginCall;
  readonly #options: RestOptions;
  readonly #toJson: (message: Uint8Array) => Uint8Array;

  /** @throws CallError for a request that cannot be translated, whatever its body holds */
  constructor(head: RequestHead, found: Found, options: RestOptions) {
    const { binding } = found;
    const { fields } = head;
    this.#contentType = fields.get("content-type");
    checkBody(this.#contentType, binding);
    this.#encoding = checkEncoding(fields.get("content-encoding") ?? "identity", options.compressions);
    // The body is one message, as a unary call's is in Connect.
    this.#caller = {
      protocol: "connect-unary",
      contentType: "application/json",
      codec: "json",
      acceptEncoding: undefined,
      compressed: this.#encoding !== "identity",
      contentLength: contentLengthOf(fields),
    };
    const rpc = rpcHead(head, binding);
    this.#origin = originCall(options.originProtocol, binding);
    this.endsInBody = this.#origin !== "grpc";
    this.head = encodeCall(this.#origin, encodeRequest(rpc, head));
    this.timeoutMs = rpc.timeoutMs;
    this.#found = found;
    this.#options = options;
    this.#toJson = (message) => jsonBytes(answerJson(binding, message, options.registry));
  }

  request(body: Body): Body {
    const { compressions, registry } = this.#options;
    const messages = decodeRequest(this.#caller, body);
    const from = compressions.get(this.#encoding);
    const plain = from === undefined ? messages : recode(messages, { from, to: undefined, side: "caller" });
    const contentType = this.#contentType;
    const translate = (bytes: Uint8Array) => requestMessage(this.#found, { bytes, contentType }, registry);
    const translated = translateMessages(plain, translate, "caller");
    return encodeMessages(this.#origin, translated, "identity");
  }

  answer(response: HttpResponse, respond: (response: HttpResponse) => void, ended: MapEnd): void {
    const { compressions, registry } = this.#options;
    const decoded = decodeAnswer(this.#origin, response, "proto", { compressions, ended });
    const { head, messages } = acceptable(this.#caller, decoded, compressions);
    const { binding } = this.#found;
    if (binding.method.methodKind === "server_streaming") {
      return encodeStream({ head, messages: translateMessages(messages, this.#toJson, "origin") }, registry, respond);
    }
    let contentType = "application/json";
    const fromHttpBody = (message: Uint8Array): Uint8Array => {
      const body = httpBodyIn(binding, message);
      ({ contentType } = body);
      return body.data;
    };
    const translate = givesHttpBody(binding) ? fromHttpBody : this.#toJson;
    const translated = { head, messages: translateMessages(messages, translate, "origin") };
    encodeUnary(translated, registry, respond, () => contentType);
  }

  failure(error: CallError): HttpResponse {
    return encodeFailure(error, this.#options.registry);
  }
}

const likeGrpc = { protocol: "grpc", contentType: "", codec: "proto", acceptEncoding: undefined } as const;

/** The deadline comes as gRPC's header, grpc-timeout, which is grpc-gateway's too. */
function rpcHead(head: RequestHead, { method }: Binding): RpcRequestHead {
  const path = `/${method.parent.typeName}/${method.name}`;
  return { ...acceptGrpc(head, likeGrpc), path, encoding: "identity" };
}

function checkBody(contentType: string | undefined, binding: Binding): void {
  const { body, method } = binding;
  if (method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming") {
    throw new CallError(Code.UNIMPLEMENTED, `${method.name} takes a stream of requests: REST brings one`, {
      side: "caller",
    });
  }
  if (body === undefined || contentType === undefined || takesHttpBody(binding)) return;
  if (/^application\/(.*\+)?json$/.test(essence(contentType))) return;
  const message = `the body must be application/json, not "${contentType}"`;
  throw new CallError(Code.INVALID_ARGUMENT, message, { side: "caller", httpStatus: 415 });
}

function originCall(protocol: OriginProtocol, { method }: Binding): OriginCall {
  if (protocol !== "connect") return protocol;
  return method.methodKind === "unary" ? "connect-unary" : "connect-stream";
}

function checkEncoding(encoding: string, compressions: Compressions): string {
  if (encoding === "identity" || compressions.has(encoding)) return encoding;
  const message = `content-encoding ${encoding} is not known: ${[...compressions.keys()].join(", ")} are`;
  throw new CallError(Code.UNIMPLEMENTED, message, { side: "caller", httpStatus: 415 });
}

function answerJson({ method, responseBody }: Binding, message: Uint8Array, registry: Registry): JsonValue {
  const json = jsonFromBinary(method.output, message, registry);
  if (responseBody === undefined) return json;
  return memberOf(json, responseBody) ?? attempt("origin", () => unset(method.output, responseBody));
}

/** Google's own types may be anything in JSON. */
function memberOf(json: JsonValue, { jsonName }: DescField): JsonValue | undefined {
  return isObject(json) && Object.hasOwn(json, jsonName) ? json[jsonName] : undefined;
}

/** What a field is in JSON that is not set: JSON of messages leaves it out. */
function unset(output: Binding["method"]["output"], field: DescField): JsonValue {
  return (
    memberOf(
      toJson<DescMessage, { alwaysEmitImplicit: true }>(output, create(output), { alwaysEmitImplicit: true }),
      field,
    ) ?? null
  );
}
