import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import type { RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import type { Accepted, AcceptedRpc } from "./accepted.ts";
import { detect } from "./detect.ts";

const path = "/package.Service/Method";

function head(fields: Record<string, string>, method = "POST", at = path): RequestHead {
  return { method, scheme: "https", authority: "edge.test", path: at, fields: Fields.from(Object.entries(fields)) };
}

function rpc(accepted: Accepted | undefined): AcceptedRpc {
  if (accepted?.kind !== "rpc") throw new Error(`expected a call, not ${JSON.stringify(accepted)}`);
  return accepted;
}

test.each([
  ["application/grpc", "grpc", "proto"],
  ["application/grpc+proto", "grpc", "proto"],
  ["Application/GRPC+JSON; charset=utf-8", "grpc", "json"],
  ["application/grpc-web", "grpc-web", "proto"],
  ["application/grpc-web+thrift", "grpc-web", "thrift"],
  ["application/grpc-web-text", "grpc-web-text", "proto"],
  ["application/grpc-web-text+proto", "grpc-web-text", "proto"],
  ["application/connect+json", "connect-stream", "json"],
  ["application/proto", "connect-unary", "proto"],
])("%s is %s with codec %s, and is mirrored without parameters", (contentType, protocol, codec) => {
  const { caller, head: call } = rpc(detect(head({ "content-type": contentType })));
  expect(caller).toMatchObject({ protocol, codec, contentType: contentType.split(";")[0]!.toLowerCase() });
  expect(call).toMatchObject({ path, codec, encoding: "identity", acceptEncoding: undefined, timeoutMs: undefined });
});

test("where there are no trailer fields, gRPC's content type is mirrored and its status goes in the body", () => {
  const { caller } = rpc(detect(head({ "content-type": "application/grpc+proto" }), false));
  expect(caller).toMatchObject({ protocol: "grpc-web", contentType: "application/grpc+proto" });
});

test.each([
  ["GET", {}],
  ["POST", { "content-type": "application/x-www-form-urlencoded" }],
  ["POST", { "content-type": "application/grpcx" }],
  ["POST", { "content-type": "image/jpeg" }],
  ["PUT", { "content-type": "application/json" }],
  ["OPTIONS", { "access-control-request-method": "POST" }],
])("a plain %s %j is HTTP and no call", (method, fields) => {
  expect(detect(head(fields, method))).toMatchObject({ kind: "http", caller: { protocol: "http" }, orRpc: undefined });
});

test("JSON without Connect's headers is HTTP, unless its route leads to a gRPC backend", () => {
  const accepted = detect(head({ "content-type": "application/json; charset=utf-8" }));
  if (accepted.kind !== "http") throw new Error("expected HTTP");
  expect(rpc(accepted.orRpc).caller).toMatchObject({ protocol: "connect-unary", contentType: "application/json" });
  expect(rpc(detect(head({ "content-type": "application/json", "connect-protocol-version": "1" }))).kind).toBe("rpc");
});

test.each([
  ["DELETE", { "content-type": "application/grpc" }, 405],
  ["GET", { "content-type": "application/grpc-web+proto" }, 405],
  ["PUT", { "content-type": "application/connect+proto" }, 405],
  ["DELETE", { "content-type": "application/proto", "connect-protocol-version": "1" }, 405],
  ["POST", { "content-type": "application/foo", "connect-protocol-version": "1" }, 415],
  ["POST", { "connect-protocol-version": "1" }, 415],
])("%s with %j is refused with %d", (method, fields, httpStatus) => {
  expect(detect(head(fields, method))).toMatchObject({ kind: "refused", error: { code: Code.UNKNOWN, httpStatus } });
});

test("a call's metadata is every field but those of the protocol and the connection, repeated ones kept in order", () => {
  const flat = [
    ["te", "trailers"], ["content-type", "application/grpc"], ["user-agent", "grpc-go/1"], ["grpc-timeout", "5S"],
    ["x-a", "1"], ["grpc-encoding", "gzip"], ["grpc-accept-encoding", "gzip,deflate"], ["x-a", "2"],
    ["grpc-previous-rpc-attempts", "1"], ["connection", "x-hop"], ["x-hop", "1"], ["key-bin", "AQI"],
    ["transfer-encoding", "chunked"], ["host", "edge.test"], ["accept-encoding", "gzip"], ["content-length", "9"],
  ] as const; // prettier-ignore
  const { head: call } = rpc(detect({ ...head({}), fields: Fields.from(flat) }));
  expect(call).toMatchObject({ timeoutMs: 5000, encoding: "gzip", acceptEncoding: "gzip,deflate" });
  expect([...call.metadata]).toEqual([
    ["user-agent", "grpc-go/1"],
    ["x-a", "1"],
    ["x-a", "2"],
    ["grpc-previous-rpc-attempts", "1"],
    ["key-bin", "AQI"],
  ]);
});

test("names that must not be indexed stay so", () => {
  const never = new Set(["authorization"]);
  const fields = new Fields(["content-type", "application/grpc", "authorization", "secret"], never);
  expect(rpc(detect({ ...head({}), fields })).head.metadata.neverIndexed).toBe(never);
});

test.each([
  [{ "content-type": "application/grpc", "key-bin": "?" }],
  [{ "content-type": "application/grpc-web", "grpc-timeout": "5s" }],
  [{ "content-type": "application/connect+proto", "connect-timeout-ms": "5s" }],
  [{ "content-type": "application/connect+proto", "connect-protocol-version": "2" }],
])("%j is refused as an invalid argument, in the caller's protocol", (fields) => {
  const accepted = detect(head(fields));
  expect(accepted).toMatchObject({ kind: "refused", error: { code: Code.INVALID_ARGUMENT } });
  expect(accepted.caller.protocol).not.toBe("http");
});

test("Connect's headers say encoding, accepted encodings and deadline", () => {
  const stream = {
    "connect-content-encoding": "gzip",
    "connect-accept-encoding": "br,gzip",
    "connect-timeout-ms": "9",
  };
  expect(rpc(detect(head({ "content-type": "application/connect+proto", ...stream }))).head).toMatchObject({
    encoding: "gzip",
    acceptEncoding: "br,gzip",
    timeoutMs: 9,
  });
  const unary = {
    "content-encoding": "br",
    "accept-encoding": "gzip;q=0.5, zstd ; q=0, *, BR",
    "content-length": "12",
  };
  const accepted = rpc(detect(head({ "content-type": "application/proto", ...unary })));
  expect(accepted.head).toMatchObject({ encoding: "br", acceptEncoding: "gzip,br" });
  expect(accepted.head.metadata.size).toBe(0);
  expect(accepted.caller).toMatchObject({ compressed: true, contentLength: 12 });
});

test("a GET with Connect's query is a call", () => {
  const query = "?connect=v1&encoding=json&compression=gzip&base64=1&message=eyJ9&message=second";
  const accepted = rpc(detect(head({}, "GET", path + query)));
  expect(accepted.head).toMatchObject({ path, codec: "json", encoding: "gzip" });
  expect(accepted.caller).toMatchObject({ protocol: "connect-get", base64: true, compressed: true, message: "eyJ9" });
});

test("a GET with a message but without Connect's version is HTTP, unless its route leads to a gRPC backend", () => {
  const accepted = detect(head({}, "GET", `${path}?encoding=proto&message=`));
  if (accepted.kind !== "http") throw new Error("expected HTTP");
  expect(rpc(accepted.orRpc).caller).toMatchObject({ protocol: "connect-get", message: "", base64: false });
});

test.each(["?connect=v2&encoding=json&message=%7B%7D", "?connect=v1&encoding=json&base64=1&message=%3F"])(
  "a GET with %s is refused as an invalid argument",
  (query) => {
    expect(detect(head({}, "GET", path + query))).toMatchObject({ error: { code: Code.INVALID_ARGUMENT } });
  },
);

test("a GET with cookies from another site is denied: a link there must not call a method", () => {
  const at = `${path}?connect=v1&encoding=json&message=%7B%7D`;
  const from = (site: string) => detect(head({ "sec-fetch-site": site, cookie: "session=1" }, "GET", at));
  expect(from("cross-site")).toMatchObject({ kind: "refused", error: { code: Code.PERMISSION_DENIED } });
  expect(from("same-site")).toMatchObject({ kind: "refused" });
  expect(from("same-origin").kind).toBe("rpc");
  expect(detect(head({ "sec-fetch-site": "cross-site" }, "GET", at)).kind).toBe("rpc");
});

test.each(["?encoding=xml&message=x", "?message=x", "?encoding=json", "?", ""])("a GET with %j is HTTP", (query) => {
  expect(detect(head({}, "GET", path + query))).toMatchObject({ kind: "http", orRpc: undefined });
});

test("a caller is plain JSON", () => {
  const caller = detect(head({ "content-type": "application/proto" })).caller;
  expect(JSON.parse(JSON.stringify(caller))).toEqual({ ...caller, contentLength: undefined });
});
