/** HTTP/1.1: answers of origins, and the heads of the requests to them. */
import { CallError } from "../../../worker/call/error.ts";
import { Fields } from "../../../worker/call/fields.ts";
import { isFieldName, isFieldValue } from "../../../worker/call/field-syntax.ts";
import { AnswerParser } from "../../../worker/http1/answer-parser.ts";
import { encodeHead } from "../../../worker/http1/head.ts";
import { maxFields } from "../../../worker/http1/limits.ts";
import {
  bytesOf,
  check,
  kindOf,
  octetsOf,
  one,
  pieces,
  randomOf,
  Refusal,
  same,
  some,
  type Target,
  textOf,
  unless,
} from "../target.ts";

interface Read {
  head: string;
  body: string;
  end: string;
  error: string;
}

/** What is read from `chunks`, behind which the connection ends. */
function read(method: string, chunks: readonly Uint8Array[]): Read {
  const seen: Read = { head: "", body: "", end: "", error: "" };
  const parser = new AnswerParser(method, {
    head({ status, fields, keepAlive }, empty) {
      check(seen.head === "", "two heads");
      check(status >= 200 && status <= 599, `status ${status}`);
      check(fields.size <= maxFields, "more fields than the limit");
      check(
        fields.flat.every((text, i) => (i % 2 === 0 ? isFieldName(text) : isFieldValue(text))),
        "no field",
      );
      seen.head = `${status} ${fields.flat.join("|")} ${keepAlive} ${empty}`;
    },
    body(bytes) {
      check(seen.head !== "" && seen.end === "", "a body out of its place");
      seen.body += octetsOf(bytes);
    },
    end(trailers, reusable) {
      check(seen.head !== "" && seen.end === "", "an end out of its place");
      seen.end = `${trailers.flat.join("|")} ${reusable}`;
    },
  });
  try {
    for (const chunk of chunks) {
      parser.receive(chunk);
      chunk.fill(0xee);
      if (seen.end !== "") break;
    }
    parser.close();
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    seen.error = error.message;
  }
  return seen;
}

const starts = [
  "HTTP/1.1 200 OK",
  "HTTP/1.0 200",
  "HTTP/1.1 100 Continue",
  "HTTP/1.1 204 ",
  "HTTP/1.1 700 x",
  "HTTP/2 200",
];
const lines = [
  "Content-Length: 5",
  "Content-Length: 5, 5",
  "content-length: 6",
  "Transfer-Encoding: chunked",
  "transfer-encoding: gzip, chunked",
  "Connection: close",
  "X: y",
  " folded",
  "x y: z",
  "",
];
const bodies = [
  "hello",
  "5\r\nhello\r\n0\r\n\r\n",
  "5;a=b\r\nhello\r\n0\r\nt: u\r\n\r\n",
  "fffffffffff\r\nx",
  "0\r\n\r\n",
  "",
];

export const http1Answer: Target = {
  seeds: [
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nt: u\r\n\r\n",
    "HTTP/1.0 200 OK\n\nuntil the end",
  ].map(bytesOf),
  tokens: [...starts, ...lines, ...bodies, "\r\n", "\n", "\r", ":", ";", ",", "\u0000", "ffffffffffff", "0"],
  generate(random) {
    const head = (): string => [one(random, starts), ...some(random, 4, () => one(random, lines)), "", ""].join("\r\n");
    const interim = random.below(4) === 0 ? "HTTP/1.1 100 \r\n\r\n" : "";
    return bytesOf(interim + head() + one(random, bodies) + (random.below(6) === 0 ? head() : ""));
  },
  run(input) {
    const method = input.length % 7 === 0 ? "HEAD" : "GET";
    const whole = read(method, [input.slice()]);
    const cut = read(method, pieces(input, randomOf(input)));
    // Whether bytes follow the answer can be told only from the read that brings its end.
    const comparable = ({ head, body, end, error }: Read): unknown => [
      head,
      body,
      end.replace(/(?:true|false)$/, ""),
      error,
    ];
    same(comparable(cut), comparable(whole), "cut another way");
    return `${whole.head.slice(0, 3)} ${whole.end === ""} ${kindOf(whole.error)}`;
  },
};

export const http1Request: Target = {
  seeds: ["POST /a?b=c x.test 5\nx: y", "GET /\u0000 x\n", "PUT /ü \ntransfer-encoding: chunked\nhost: b"].map(bytesOf),
  tokens: [
    "\r\n",
    "\n",
    "\r",
    " ",
    "content-length: 1",
    "transfer-encoding: chunked",
    "host: x",
    "\u0085",
    "\u2028",
    "\u010a\u010d",
  ],
  run(input) {
    const [first = "", ...rest] = textOf(input).split("\n");
    const [, path = ""] = first.split(" ");
    const method = /^[A-Z]{1,7}/.exec(first)?.[0] ?? "GET";
    // What reaches this far has been checked by whoever received it.
    const pairs = rest.flatMap((line): [string, string][] => {
      const [name = "", value = ""] = line.split(/: ?(.*)/s);
      return isFieldName(name) && !name.startsWith(":") && isFieldValue(value) ? [[name, value]] : [];
    });
    const framing = input.length % 3 === 0 ? "none" : input.length % 3 === 1 ? "chunked" : { length: input.length };
    const head = { method, scheme: "http", authority: "x.test", path, fields: Fields.from(pairs) } as const;
    const encoded = unless(CallError, () => octetsOf(encodeHead(head, framing)));
    if (encoded instanceof Refusal) return encoded.kind;
    const sent = encoded.split("\r\n");
    check(!/[\r\n]/.test(sent.join("")), "a line within a line");
    check(/^[A-Z]+ [^ ]+ HTTP\/1\.1$/.test(sent[0]!) || path === "", `the request line: ${sent[0]}`);
    const passed = pairs.filter(([name]) => name !== "host" && name !== "content-length").length;
    const framed = sent.filter((line) => line.startsWith("content-length:")).length;
    check(sent.length - passed - framed <= 5, "more lines than fields");
    return `${framed} ${Math.min(passed, 5)}`;
  },
};
