/** Calls in the callers' protocols: what their requests become, and what becomes of origins' answers. */
import { Fields } from "../../../worker/call/fields.ts";
import type { Body, HttpResponse, RequestHead } from "../../../worker/call/http.ts";
import { isFieldName, isFieldValue } from "../../../worker/call/field-syntax.ts";
import { planFromJson, planToJson } from "../../../worker/plan-json.ts";
import type { Plan } from "../../../worker/plan.ts";
import {
  type Caller,
  decodeRequest,
  detect,
  encodeFailure,
  encodeRequest,
  translateResponse,
} from "../../../worker/protocol/index.ts";
import { join, TestSink, TestSource } from "../../../worker/protocol/testing.ts";
import { decodeBase64 } from "../../../worker/wire/base64.ts";
import { envelope } from "../../../worker/wire/envelope.ts";
import { decodePercentText } from "../../../worker/wire/percent.ts";
import { bytesOf, check, kindOf, octetsOf, one, pieces, randomOf, same, some, type Target, textOf } from "../target.ts";

/** A message as in HTTP/1.1: a line, fields, an empty line, a body. Fields that no host would let in are left out. */
function messageOf(input: Uint8Array): { line: string; fields: Fields; body: Uint8Array } {
  const end = Buffer.from(input).indexOf("\n\n");
  const head = octetsOf(end < 0 ? input : input.subarray(0, end));
  const [line = "", ...rest] = head.split("\n");
  const pairs = rest.map((each): [string, string] => {
    const colon = each.indexOf(":");
    return [each.slice(0, Math.max(colon, 0)).toLowerCase(), each.slice(colon + 1).trim()];
  });
  const fields = Fields.from(
    pairs.filter(([name, value]) => isFieldName(name) && isFieldValue(value) && name[0] !== ":"),
  );
  return { line, fields, body: end < 0 ? new Uint8Array(0) : input.slice(end + 2) };
}

/** What a body gives, cut by `chunks` and paid for at once. */
function through(chunks: readonly Uint8Array[], step: (body: Body) => Body): TestSink<Fields> {
  const source = new TestSource<Fields>(chunks, Fields.from([["t", "u"]]), 1000);
  return new TestSink(step(source));
}

function told({ bytes, ended, error }: TestSink<Fields>, isText: boolean): unknown {
  const got = isText ? (decodeText(bytes) ?? bytes) : bytes;
  // Of a message that is refused, more or less may have gone before.
  return error === undefined ? [got, ended?.flat] : kindOf(String(error));
}

/** Texts one after the other, each padded. */
function decodeText(bytes: Uint8Array): Uint8Array | undefined {
  const parts = octetsOf(bytes).match(/[^=]+={0,2}/g) ?? [];
  const decoded = parts.map((part) => decodeBase64(part));
  return decoded.includes(undefined) ? undefined : join(...(decoded as Uint8Array[]));
}

const words = [
  "GET",
  "POST",
  "/a.B/C",
  "?connect=v1&encoding=json&message=%7B%7D",
  "?encoding=proto&base64=1&message=AAAA&compression=gzip",
  "&base64=1",
  "&message=",
  "content-type: application/grpc",
  "content-type: application/grpc-web-text+proto",
  "content-type: application/grpc-web",
  "content-type: application/connect+json",
  "content-type: application/json",
  "content-type: application/proto",
  "connect-protocol-version: 1",
  "connect-timeout-ms: 100",
  "grpc-timeout: 1S",
  "x-bin: AAA=",
  "content-length: 5",
  "content-encoding: gzip",
  "accept-encoding: gzip;q=0, br",
  "te: trailers",
  "%",
  "\n",
  "\n\n",
  "AAAAAAA=",
];

export const request: Target = {
  seeds: [
    "GET /a.B/C?connect=v1&encoding=json&message=%7B%7D\nconnect-protocol-version: 1",
    "GET /a.B/C?encoding=proto&base64=1&message=AAECAw%3D%3D\naccept-encoding: gzip",
    "POST /a.B/C\ncontent-type: application/json\nconnect-timeout-ms: 10\n\n{}",
    "POST /a.B/C\ncontent-type: application/grpc-web-text\n\nAAAAAAVoZWxsbw==",
    "POST /a.B/C\ncontent-type: application/proto\ncontent-length: 5\n\nhello",
    "POST /a.B/C\ncontent-type: application/grpc\ngrpc-timeout: 1S\nx-bin: AAA\n\n\u0000\u0000\u0000\u0000\u0001x",
  ].map(bytesOf),
  tokens: words,
  generate: (random) => bytesOf(some(random, 12, () => one(random, words) + one(random, ["", "", "\n", " "])).join("")),
  run(input) {
    const { line, fields, body } = messageOf(input);
    const [method = "", path = "/"] = line.split(" ");
    // What no host lets in.
    if (/[^!-~\u0080-\u00ff]/.test(path)) return "no path";
    const head: RequestHead = { method, scheme: "https", authority: "x.test", path, fields };
    const accepted = detect(head, input.length % 2 === 0);
    const rpc = accepted.kind === "http" ? accepted.orRpc : accepted;
    if (rpc === undefined) return accepted.kind;
    if (rpc.kind === "refused") {
      checkAnswer(encodeFailure(rpc.caller, rpc.error));
      return `${accepted.kind} ${kindOf(rpc.error.message)}`;
    }
    checkFields(encodeRequest(rpc.head, head).fields);
    const { caller } = rpc;
    const whole = through([body.slice()], (from) => decodeRequest(caller, from));
    const cut = through(pieces(body, randomOf(body)), (from) => decodeRequest(caller, from));
    same(told(cut, false), told(whole, false), "cut another way");
    check(whole.over, "no end");
    if (caller.protocol === "connect-get") checkGet(caller, whole.bytes);
    return `${accepted.kind} ${caller.protocol} ${caller.codec.slice(0, 4)} ${kindOf(String(whole.error))}`;
  },
};

function checkGet({ base64, message }: Caller & { protocol: "connect-get" }, framed: Uint8Array): void {
  if (!base64) return;
  same(
    framed.subarray(5),
    new Uint8Array(Buffer.from(decodePercentText(message), "base64url")),
    "the message of a GET",
  );
}

function checkFields({ flat }: Fields): void {
  for (let i = 0; i < flat.length; i += 2) {
    check(isFieldName(flat[i]!) && isFieldValue(flat[i + 1]!), `${flat[i]}: ${flat[i + 1]} cannot be sent`);
  }
}

/** An answer of which all can be sent, and whose body ends. */
function checkAnswer({ head, body }: HttpResponse): { text: string; end: string } {
  checkFields(head.fields);
  const sink = new TestSink(body);
  check(sink.over, "an answer without end");
  return { text: octetsOf(sink.bytes), end: String(sink.error ?? "") };
}

const callers: readonly Caller[] = [
  ...(["grpc", "grpc-web", "grpc-web-text", "connect-stream"] as const).map((protocol) => ({
    protocol,
    contentType: "application/x",
    codec: "proto",
    acceptEncoding: undefined,
  })),
  {
    protocol: "connect-unary",
    contentType: "application/proto",
    codec: "proto",
    acceptEncoding: undefined,
    compressed: false,
    contentLength: undefined,
  },
  { protocol: "http", bodiless: false },
];

/** The answer as `caller` gets it: head, body, trailers. */
function answered(
  caller: Caller,
  head: HttpResponse["head"],
  chunks: readonly Uint8Array[],
  trailers: Fields,
): unknown {
  const source = new TestSource<Fields>(chunks, trailers, 1000);
  let seen: unknown;
  translateResponse(caller, { head, body: source }, (response) => {
    check(seen === undefined, "two answers");
    checkFields(response.head.fields);
    const sink = new TestSink(response.body);
    seen = [response.head.status, response.head.fields.flat, sink];
    if (response.head.fields.get("content-type") === "application/json" && caller.protocol === "connect-unary") {
      JSON.parse(textOf(sink.bytes));
    }
  });
  check(Array.isArray(seen), "no answer");
  const [status, flat, sink] = seen as [number, string[], TestSink<Fields>];
  check(sink.over, "an answer without end");
  return [status, flat, told(sink, caller.protocol === "grpc-web-text")];
}

const answerWords = [
  "200",
  "404",
  "content-type: application/grpc",
  "content-type: application/grpc+proto",
  "content-type: text/html",
  "grpc-status: 0",
  "grpc-status: 5",
  "grpc-message: %41%zz",
  "grpc-status-details-bin: CAUSAXgaAxIBYQ",
  "grpc-encoding: gzip",
  "trailer: x",
  "x-bin: AAA",
  "\n",
  "\n\n",
  "\u0000\u0000\u0000\u0000\u0001x",
];

export const answer: Target = {
  seeds: [
    "200\ncontent-type: application/grpc\n\n\u0000\u0000\u0000\u0000\u0001x",
    "200\ncontent-type: application/grpc\ngrpc-status: 5\ngrpc-message: %41",
    "503\ncontent-type: text/html\n\n<html>",
    "200\ncontent-type: application/grpc\nx-bin: AAA=\n\n\u0000\u0000\u0000\u0000\u0001x\u0000\u0000\u0000\u0000\u0002yz",
  ].map(bytesOf),
  tokens: answerWords,
  generate(random) {
    const fields = some(random, 4, () => one(random, answerWords)).join("\n");
    const head = bytesOf(`200\ncontent-type: application/grpc\n${fields}\n\n`);
    return join(head, ...some(random, 3, () => envelope(random.below(3), new Uint8Array(random.below(30)))));
  },
  run(input) {
    const { line, fields, body } = messageOf(input);
    const head = { status: 200 + (Number(line) % 400 || 0), fields };
    if (!Number.isInteger(head.status) || head.status < 200) return "no status";
    const trailers = fields.get("trailer") === undefined ? Fields.from([["grpc-status", "0"]]) : fields;
    let outcome = "";
    for (const each of callers) {
      // Of a compression that the caller takes: another is translated, which takes promises.
      const caller = { ...each, acceptEncoding: fields.get("grpc-encoding") };
      const whole = answered(caller, head, [body.slice()], trailers);
      const cut = answered(caller, head, pieces(body, randomOf(body)), trailers);
      same(cut, whole, `${caller.protocol}: cut another way`);
      outcome += `${kindOf(JSON.stringify((whole as unknown[])[2]).slice(0, 60))} `;
    }
    return outcome;
  },
};

/** A plan whose texts are the input's lines: what the way there and back must keep, not one that can be carried out. */
function planOf(text: string): Plan {
  const [path = "", authority = "", ...flat] = text.split("\n");
  const plan: Partial<Plan> = {
    caller: { protocol: "grpc", contentType: path, codec: authority, acceptEncoding: undefined },
    head: { method: "POST", scheme: "https", authority, path, fields: new Fields(flat.concat(flat)) },
    mirrors: [],
    targets: [],
    timeoutMs: text.length % 2 === 0 ? text.length / 3 : undefined,
    responseHeaders: [{ set: [[path, authority]], add: [], remove: flat }],
  };
  return plan as Plan;
}

function never(): never {
  throw new Error("the plan has no targets");
}

export const planJson: Target = {
  seeds: ["/a.B/C\nx.test\nname\nGrüezi 🏔 \u007f", "\ud83d\n\n__proto__\nx"].map(bytesOf),
  tokens: ["\n", '"', "\\", "\\u0000", "\u2028", "\u007f", "🏔", "__proto__", "\u00ff"],
  run(input) {
    for (const text of [textOf(input), octetsOf(input)]) {
      const plan = planOf(text);
      const json = planToJson(plan);
      check(/^[ -~]*$/.test(json), "no header field's value");
      same(planFromJson(json, never), plan, "there and back");
    }
    return String(input.length % 2);
  },
};
