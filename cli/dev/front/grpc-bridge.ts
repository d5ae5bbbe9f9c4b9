/**
 * What Cloudflare does with gRPC calls to a zone that has gRPC switched on: the Worker sees them as gRPC-Web, and its
 * gRPC-Web answers reach the caller as gRPC again. Cloudflare documents neither what it requires of the answer nor what
 * becomes of one that falls short; this is the strictest reading, so that nothing works here that may break there.
 */
import { CallError } from "../../../worker/call/error.ts";
import { Fields } from "../../../worker/call/fields.ts";
import {
  type Body,
  type BodySink,
  type Handler,
  type HttpResponse,
  noBody,
  type RequestHead,
  type ResponseHead,
} from "../../../worker/call/http.ts";
import { Code } from "../../../worker/call/status.ts";
import { encodeGrpcEnd } from "../../../worker/wire/grpc-end.ts";
import { TrailerFrame } from "./trailer-frame.ts";

/** Turns gRPC calls to `worker` into gRPC-Web, and its answers back. Everything else passes as it is. */
export function bridgeGrpc(worker: Handler): Handler {
  return (request, answer) => {
    const contentType = request.head.fields.get("content-type") ?? "";
    if (request.head.method !== "POST" || !isNativeGrpc(contentType)) return worker(request, answer);

    return worker(
      { head: webRequest(request.head), body: request.body },
      {
        respond: (response) => answer.respond(nativeResponse(response, contentType)),
        fail: (error) => answer.respond(failed(contentType, error.code, error.message)),
      },
    );
  };
}

const native = "application/grpc";
const web = "application/grpc-web";

function isNativeGrpc(contentType: string): boolean {
  return /^application\/grpc($|[+;])/i.test(contentType);
}

/** A content type without its parameters. */
function essence(contentType: string): string {
  return contentType.split(";", 1)[0]!.trim().toLowerCase();
}

function toWeb(contentType: string): string {
  return web + contentType.slice(native.length);
}

function webRequest(head: RequestHead): RequestHead {
  const fields = [...head.fields]
    .filter(([name]) => name !== "te")
    .map(([name, value]): [string, string] => [name, name === "content-type" ? toWeb(value) : value]);
  return { ...head, fields: Fields.from(fields) };
}

function nativeResponse({ head, body }: HttpResponse, contentType: string): HttpResponse {
  const answered = head.fields.get("content-type") ?? "";
  const isWeb = answered.startsWith(web);
  if (head.status !== 200 && !isWeb) return { head, body };

  const problem = problemOf(head, body, contentType);
  if (problem !== undefined) {
    const error = refusal(problem);
    body.cancel(error);
    return failed(contentType, error.code, error.message);
  }
  const fields = [...head.fields].map(([name, value]): [string, string] => [
    name,
    name === "content-type" ? contentType : value,
  ]);
  return { head: { status: 200, fields: Fields.from(fields) }, body: new NativeBody(body) };
}

/** What Cloudflare would break about an answer to a call of `contentType`, as far as its head tells. */
function problemOf({ status, fields }: ResponseHead, body: Body, contentType: string): string | undefined {
  const answered = fields.get("content-type") ?? "";
  if (essence(answered) !== essence(toWeb(contentType))) {
    return `its content type is ${JSON.stringify(answered)} where the call's was "${toWeb(contentType)}"`;
  }
  if (status !== 200) return `its status is ${status}, not 200`;
  if (fields.has("grpc-status")) return "it has grpc-status among its headers, not in a trailer frame";
  if (body === noBody) return "it has no body, so no trailer frame";
  if (fields.has("content-length")) return "it has a content-length, so it is not streamed";
  return undefined;
}

function refusal(problem: string): CallError {
  return new CallError(Code.INTERNAL, `Cloudflare would break this answer of the Worker: ${problem}`, { side: "edge" });
}

/** A gRPC answer that is its status alone (grpc/doc/PROTOCOL-HTTP2.md, Trailers-Only). */
function failed(contentType: string, code: Code, message: string): HttpResponse {
  const fields = new Fields(["content-type", contentType, ...endFields(code, message).flat]);
  return { head: { status: 200, fields }, body: noBody };
}

function endFields(code: Code, message: string): Fields {
  return encodeGrpcEnd({ code, message, details: undefined, metadata: Fields.empty });
}

/** The messages of a gRPC-Web body, with its trailer frame as trailers. */
class NativeBody implements Body, BodySink {
  readonly #web: Body;
  readonly #trailerFrame = new TrailerFrame();
  #sink: BodySink | undefined;

  constructor(body: Body) {
    this.#web = body;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#web.pipe(this);
  }

  consumed(bytes: number): void {
    this.#web.consumed(bytes);
  }

  cancel(error: CallError): void {
    this.#sink = undefined;
    this.#web.cancel(error);
  }

  write(bytes: Uint8Array): void {
    let messages: number;
    try {
      messages = this.#trailerFrame.take(bytes);
    } catch (error) {
      this.#refuse(error as Error);
      return;
    }
    if (messages > 0) this.#sink?.write(bytes.subarray(0, messages));
    if (messages < bytes.length) this.#web.consumed(bytes.length - messages);
  }

  end(): void {
    let trailers: Fields;
    try {
      trailers = this.#trailerFrame.finish();
    } catch (error) {
      this.#refuse(error as Error);
      return;
    }
    this.#sink?.end(trailers);
  }

  fail(error: CallError): void {
    this.#sink?.fail(error);
  }

  #refuse(problem: Error): void {
    const sink = this.#sink;
    const error = refusal(problem.message);
    this.cancel(error);
    sink?.end(endFields(error.code, error.message));
  }
}
