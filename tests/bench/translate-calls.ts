/** One call in each protocol that callers speak, to an origin that knows gRPC with protobuf alone. */
import { isDeepStrictEqual } from "node:util";
import { create, type FileRegistry, toBinary, toJson } from "@bufbuild/protobuf";
import type { ByteStream } from "../../worker/call/byte-stream.ts";
import type { CallError } from "../../worker/call/error.ts";
import { Fields } from "../../worker/call/fields.ts";
import type { Answer, Body, BodySink, HttpResponse, RequestHead } from "../../worker/call/http.ts";
import { nodeClock, nodeDefer } from "../../worker/host/node-runtime.ts";
import { connectHttp2 } from "../../worker/http2/index.ts";
import { envelope } from "../../worker/wire/envelope.ts";
import { type Caller, giveUp } from "./load.ts";

export interface TranslatedCall {
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Whether a whole answer is the right one. */
  isRight(body: Buffer, trailers: Fields): boolean;
}

export type CallName = keyof ReturnType<typeof translatedCalls>;

const service = "bench.Echo";

/** @param registry of tests/bench/proto */
export function translatedCalls(registry: FileRegistry) {
  const order = registry.getMessage("bench.Order")!;
  const items = ["pen", "ink", "paper"].map((name, i) => ({ name, count: i + 1, price: 1.25 * (i + 1) }));
  const init = { id: "7f3c9a", createdMillis: 1_790_000_000_000n, items, labels: { tenant: "blue" } };
  const message = create(order, init as never);
  const binary = toBinary(order, message);
  const framed = envelope(0, binary);
  const json = toJson(order, message, { registry });
  const text = Buffer.from(JSON.stringify(json));
  const isJson = (body: Buffer) => isDeepStrictEqual(JSON.parse(body.toString()), json);
  const call = `/${service}/Call`;
  /** The message, and behind it what says that all went well. */
  const endsWith = (body: Buffer, flags: number, end: RegExp) =>
    body.subarray(0, framed.length).equals(framed) &&
    body[framed.length] === flags &&
    end.test(body.toString("utf8", framed.length + 5));
  return {
    "grpc to grpc": {
      path: call,
      contentType: "application/grpc",
      body: framed,
      isRight: (body, trailers) => body.equals(framed) && trailers.get("grpc-status") === "0",
    },
    "grpc-web to grpc": {
      path: call,
      contentType: "application/grpc-web+proto",
      body: framed,
      isRight: (body) => endsWith(body, 0x80, /grpc-status: ?0\r\n/i),
    },
    "connect unary to grpc": {
      path: call,
      contentType: "application/proto",
      body: binary,
      isRight: (body) => body.equals(binary),
    },
    "connect stream to grpc": {
      path: `/${service}/Chat`,
      contentType: "application/connect+proto",
      body: framed,
      isRight: (body) => endsWith(body, 0x02, /^\{[^]*\}\s*$/) && !body.includes('"error"'),
    },
    "connect json to grpc proto": { path: call, contentType: "application/json", body: text, isRight: isJson },
    "rest to grpc": { path: "/v1/orders", contentType: "application/json", body: text, isRight: isJson },
  } as const satisfies Record<string, TranslatedCall>;
}

/** Makes one call over and over. The first answer is looked at closely; the others must be as long. */
export function translatedCaller(stream: ByteStream, authority: string, call: TranslatedCall): Caller {
  const client = connectHttp2(stream, { clock: nodeClock, defer: nodeDefer });
  const { contentType, path } = call;
  const own = contentType.startsWith("application/grpc") ? ["te", "trailers"] : ["connect-protocol-version", "1"];
  const length = ["content-length", String(call.body.length)];
  const fields = new Fields(["content-type", contentType, ...(path === "/v1/orders" ? [] : own), ...length]);
  const head: RequestHead = { method: "POST", scheme: "http", authority, path, fields };
  let expected: number | undefined;
  const check = (body: Buffer | number, status: number, trailers: Fields): void => {
    if (status !== 200 || (typeof body === "object" && !call.isRight(body, trailers)))
      return giveUp(new Error(`${path} as ${contentType} was answered with ${status}: ${String(body)}`));
    const bytes = typeof body === "object" ? body.length : body;
    if (bytes !== (expected ??= bytes)) giveUp(new Error(`${bytes} bytes instead of ${expected}`));
  };
  return {
    call(message, _, done) {
      const one = new Call(call.body, expected === undefined, (body, status, trailers) => {
        check(body, status, trailers);
        done(message.length);
      });
      client.handle({ head, body: one }, one);
    },
    close: () => client.close(),
  };
}

type Answered = (body: Buffer | number, status: number, trailers: Fields) => void;

class Call implements Body, Answer, BodySink {
  readonly #request: Uint8Array;
  readonly #kept: Buffer[] | undefined;
  readonly #answered: Answered;
  #response: HttpResponse | undefined;
  #bytes = 0;

  /** `keep`: whether the answer's bytes are to be seen, and not their number alone. */
  constructor(request: Uint8Array, keep: boolean, answered: Answered) {
    this.#request = request;
    this.#kept = keep ? [] : undefined;
    this.#answered = answered;
  }

  pipe(sink: BodySink): void {
    sink.write(this.#request);
    sink.end(Fields.empty);
  }

  consumed(): void {}
  cancel(): void {}

  respond(response: HttpResponse): void {
    this.#response = response;
    response.body.pipe(this);
  }

  fail(error: CallError): void {
    giveUp(error);
  }

  write(bytes: Uint8Array): void {
    this.#kept?.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
    this.#response!.body.consumed(bytes.length);
  }

  end(trailers: Fields): void {
    const body = this.#kept === undefined ? this.#bytes : Buffer.concat(this.#kept);
    this.#answered(body, this.#response!.head.status, trailers);
  }
}
