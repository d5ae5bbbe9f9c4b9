/**
 * Answers to REST: the message as JSON, or a google.rpc.Status as JSON under its HTTP status. A stream has a line of
 * JSON for each message, {"result": …}, and if it fails after the first a last one, {"error": …}: grpc-gateway's form.
 */
import { create, type DescMessage, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { Sink, Source } from "../../call/flow.ts";
import type { HttpResponse } from "../../call/http.ts";
import type { RpcEnd, RpcResponse, RpcResponseHead } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { endOf } from "../../protocol/end.ts";
import { sourceOf, Step } from "../../protocol/step.ts";
import { encodeBase64 } from "../../wire/base64.ts";
import { EnvelopeSplitter } from "../../wire/envelope.ts";
import { Gatherer } from "../../wire/gather.ts";
import { httpStatusOf } from "../../wire/http-status.ts";
import { decodeStatus, type StatusDetail } from "../../wire/rpc-status.ts";
import { jsonBytes } from "../codec.ts";

type Respond = (response: HttpResponse) => void;

/** The answer of a call that failed, with the HTTP status of its code unless `status` is another. */
export function encodeError(
  end: RpcEnd,
  registry: Registry,
  head?: RpcResponseHead,
  status = httpStatusOf(end.code),
): HttpResponse {
  return jsonResponse(status, jsonBytes(statusJson(end, registry)), head);
}

function jsonResponse(status: number, body: Uint8Array, head: RpcResponseHead | undefined): HttpResponse {
  return wholeResponse(status, "application/json", body, head);
}

function wholeResponse(
  status: number,
  contentType: string,
  body: Uint8Array,
  head: RpcResponseHead | undefined,
): HttpResponse {
  const flat = ["content-type", contentType, "content-length", String(body.length)];
  return { head: { status, fields: withMetadata(flat, head) }, body: sourceOf(body, Fields.empty) };
}

function withMetadata(flat: string[], head: RpcResponseHead | undefined): Fields {
  for (const item of head?.metadata.flat ?? []) flat.push(item);
  return new Fields(flat, head?.metadata.neverIndexed);
}

function statusJson({ code, message, details }: RpcEnd, registry: Registry): JsonValue {
  const decoded = details === undefined ? [] : (decodeStatus(details)?.details ?? []);
  return { code, message, details: decoded.map((detail) => detailJson(detail, registry)) };
}

const any: DescMessage = AnySchema;

/** A detail of a type that the descriptors do not have is given in base64. */
function detailJson({ type, value }: StatusDetail, registry: Registry): JsonValue {
  const typeUrl = `type.googleapis.com/${type}`;
  try {
    return toJson(any, create(AnySchema, { typeUrl, value }), { registry });
  } catch {
    return { "@type": typeUrl, value: encodeBase64(value) };
  }
}

/**
 * @param response with a message that is the body
 * @param contentType the body's, once it is there
 */
export function encodeUnary(
  response: RpcResponse,
  registry: Registry,
  respond: Respond,
  contentType: () => string,
): void {
  response.messages.pipe(new UnaryAnswer(response, registry, respond, contentType));
}

class UnaryAnswer implements Sink<RpcEnd> {
  readonly #response: RpcResponse;
  readonly #registry: Registry;
  /** Undefined once it was called. */
  #respond: Respond | undefined;
  readonly #contentType: () => string;
  readonly #message = new Gatherer();
  #messages = 0;
  readonly #splitter = new EnvelopeSplitter({
    begin: () => {
      this.#messages++;
      if (this.#messages > 1) this.#refuse("several messages");
    },
    piece: (bytes) => {
      if (this.#messages === 1) this.#message.add(bytes);
    },
    complete() {},
  });

  constructor(response: RpcResponse, registry: Registry, respond: Respond, contentType: () => string) {
    this.#response = response;
    this.#registry = registry;
    this.#respond = respond;
    this.#contentType = contentType;
  }

  write(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    if (this.#respond !== undefined) this.#response.messages.consumed(bytes.length);
  }

  end(end: RpcEnd): void {
    const { head } = this.#response;
    if (end.code !== Code.OK) this.#answer(encodeError(end, this.#registry, head));
    else if (this.#messages === 0) this.#refuse("no message");
    else this.#answer(wholeResponse(200, this.#contentType(), this.#message.take(), head));
  }

  fail(error: CallError): void {
    this.#answer(encodeError(endOf(error), this.#registry, this.#response.head, error.httpStatus));
  }

  #refuse(what: string): void {
    const error = new CallError(Code.UNIMPLEMENTED, `a unary call was answered with ${what}`, { side: "origin" });
    this.#response.messages.cancel(error);
    this.fail(error);
  }

  #answer(response: HttpResponse): void {
    const respond = this.#respond;
    this.#respond = undefined;
    respond?.(response);
  }
}

/** @param response with messages in JSON. It is answered at its first message: an error before has its HTTP status. */
export function encodeStream({ head, messages }: RpcResponse, registry: Registry, respond: Respond): void {
  const opening = new Opening(messages, (end) => {
    if (end !== undefined && end.code !== Code.OK) return respond(encodeError(end, registry, head));
    const fields = withMetadata(["content-type", "application/x-ndjson"], head);
    respond({ head: { status: 200, fields }, body: new Lines(opening, registry) });
  });
  messages.pipe(opening);
}

/** Waits until a stream brings something, or its end, and only then has someone take it. */
class Opening implements Sink<RpcEnd>, Source<RpcEnd> {
  readonly #source: Source<RpcEnd>;
  /** Called at the first bytes, or with the end if there are none. */
  readonly #opened: (end: RpcEnd | undefined) => void;
  #sink: Sink<RpcEnd> | undefined;
  #isOpen = false;
  #kept: Uint8Array[] = [];
  #end: RpcEnd | undefined;

  constructor(source: Source<RpcEnd>, opened: (end: RpcEnd | undefined) => void) {
    this.#source = source;
    this.#opened = opened;
  }

  write(bytes: Uint8Array): void {
    if (this.#sink !== undefined) return this.#sink.write(bytes);
    this.#kept.push(bytes.slice());
    if (!this.#isOpen) this.#open(undefined);
  }

  end(end: RpcEnd): void {
    if (this.#sink !== undefined) return this.#sink.end(end);
    this.#end = end;
    if (!this.#isOpen) this.#open(end);
  }

  fail(error: CallError): void {
    this.end(endOf(error));
  }

  #open(end: RpcEnd | undefined): void {
    this.#isOpen = true;
    this.#opened(end);
  }

  pipe(sink: Sink<RpcEnd>): void {
    this.#sink = sink;
    for (const bytes of this.#kept) sink.write(bytes);
    this.#kept = [];
    if (this.#end !== undefined) sink.end(this.#end);
  }

  consumed(bytes: number): void {
    this.#source.consumed(bytes);
  }

  cancel(error: CallError): void {
    this.#kept = [];
    this.#source.cancel(error);
  }
}

const utf8 = new TextEncoder();
const lineStart = utf8.encode('{"result":');
const lineEnd = utf8.encode("}\n");

class Lines extends Step<RpcEnd, Fields> {
  readonly #registry: Registry;
  readonly #splitter = new EnvelopeSplitter({
    begin: () => this.give(lineStart),
    piece: (bytes) => this.give(bytes),
    complete: () => this.give(lineEnd),
  });

  constructor(messages: Source<RpcEnd>, registry: Registry) {
    super(messages);
    this.#registry = registry;
  }

  protected take(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
  }

  end(end: RpcEnd): void {
    if (end.code !== Code.OK) {
      const error = JSON.stringify({ error: statusJson(end, this.#registry) });
      // Behind half a message it would be half a line.
      this.give(utf8.encode(this.#splitter.atBoundary ? `${error}\n` : `\n${error}\n`));
    }
    this.finish(Fields.empty);
  }

  override fail(error: CallError): void {
    this.end(endOf(error));
  }
}
