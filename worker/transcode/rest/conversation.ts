/** A call by REST, as a method's google.api.http option describes it. */
import { create, type DescField, type DescMessage, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { CallError } from "../../call/error.ts";
import type { Body, HttpResponse, RequestHead } from "../../call/http.ts";
import type { RpcRequestHead, RpcResponse } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { webCompressions } from "../../protocol/compression.ts";
import { essence } from "../../protocol/content-type.ts";
import { endOf } from "../../protocol/end.ts";
import { acceptGrpc } from "../../protocol/grpc/accept.ts";
import { acceptable, type Caller, decodeRequest, decodeResponse, encodeRequest, recode } from "../../protocol/index.ts";
import { jsonBytes, jsonFromBinary } from "../codec.ts";
import type { Conversation, Refusal } from "../conversation.ts";
import { translateMessages } from "../messages.ts";
import { encodeError, encodeStream, encodeUnary } from "./answer.ts";
import { requestMessage } from "./request.ts";
import type { Binding, Found } from "./templates.ts";

/** @param head as the caller sent it, filtered */
export function converseRest(head: RequestHead, found: Found, registry: Registry): Conversation | Refusal {
  try {
    return new RestConversation(head, found, registry);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { head: undefined, refusal: encodeFailure(error, registry) };
  }
}

function encodeFailure(error: CallError, registry: Registry): HttpResponse {
  return encodeError(endOf(error), registry, undefined, error.httpStatus);
}

class RestConversation implements Conversation {
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly #caller: Caller & { readonly protocol: "connect-unary" };
  readonly #encoding: string;
  readonly #found: Found;
  readonly #registry: Registry;
  readonly #toJson: (message: Uint8Array) => Uint8Array;

  /** @throws CallError for a request that cannot be translated, whatever its body holds */
  constructor(head: RequestHead, found: Found, registry: Registry) {
    const { binding } = found;
    const { fields } = head;
    checkBody(fields.get("content-type"), binding);
    this.#encoding = checkEncoding(fields.get("content-encoding") ?? "identity");
    const length = fields.get("content-length");
    // The body is one message, as a unary call's is in Connect.
    this.#caller = {
      protocol: "connect-unary",
      contentType: "application/json",
      codec: "json",
      acceptEncoding: undefined,
      compressed: this.#encoding !== "identity",
      contentLength: length !== undefined && /^\d{1,10}$/.test(length) ? Number(length) : undefined,
    };
    const rpc = rpcHead(head, binding);
    this.head = encodeRequest(rpc, head);
    this.timeoutMs = rpc.timeoutMs;
    this.#found = found;
    this.#registry = registry;
    this.#toJson = (message) => jsonBytes(answerJson(binding, message, registry));
  }

  request(body: Body): Body {
    const messages = decodeRequest(this.#caller, body);
    const from = webCompressions.get(this.#encoding);
    const plain = from === undefined ? messages : recode(messages, { from, to: undefined, side: "caller" });
    return translateMessages(plain, (message) => requestMessage(this.#found, message, this.#registry), "caller");
  }

  answer(response: HttpResponse, respond: (response: HttpResponse) => void): void {
    const { head, messages } = acceptable(this.#caller, decodeResponse(response, "proto"), webCompressions);
    const inJson: RpcResponse = { head, messages: translateMessages(messages, this.#toJson, "origin") };
    const encode = this.#found.binding.method.methodKind === "server_streaming" ? encodeStream : encodeUnary;
    encode(inJson, this.#registry, respond);
  }

  failure(error: CallError): HttpResponse {
    return encodeFailure(error, this.#registry);
  }
}

const likeGrpc = { protocol: "grpc", contentType: "", codec: "proto", acceptEncoding: undefined } as const;

/** The deadline comes as gRPC's header, grpc-timeout, which is grpc-gateway's too. */
function rpcHead(head: RequestHead, { method }: Binding): RpcRequestHead {
  const path = `/${method.parent.typeName}/${method.name}`;
  return { ...acceptGrpc(head, likeGrpc), path, encoding: "identity" };
}

function checkBody(contentType: string | undefined, { body, method }: Binding): void {
  if (method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming") {
    throw new CallError(Code.UNIMPLEMENTED, `${method.name} takes a stream of requests: REST brings one`, {
      side: "caller",
    });
  }
  if (body === undefined || contentType === undefined || /^application\/(.*\+)?json$/.test(essence(contentType)))
    return;
  const message = `the body must be application/json, not "${contentType}"`;
  throw new CallError(Code.INVALID_ARGUMENT, message, { side: "caller", httpStatus: 415 });
}

function checkEncoding(encoding: string): string {
  if (encoding === "identity" || webCompressions.has(encoding)) return encoding;
  const message = `content-encoding ${encoding} is not known: ${[...webCompressions.keys()].join(", ")} are`;
  throw new CallError(Code.UNIMPLEMENTED, message, { side: "caller", httpStatus: 415 });
}

function answerJson({ method, responseBody }: Binding, message: Uint8Array, registry: Registry): JsonValue {
  const json = jsonFromBinary(method.output, message, registry);
  return responseBody === undefined ? json : (memberOf(json, responseBody) ?? unset(method.output, responseBody));
}

function memberOf(json: JsonValue, { jsonName }: DescField): JsonValue | undefined {
  return (json as { readonly [name: string]: JsonValue })[jsonName];
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
