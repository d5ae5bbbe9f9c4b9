/** JSON and REST from clients without a schema, for gRPC servers that know only protobuf. */
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../dev/cli.ts";
import { type JsonEdge, startJsonEdge } from "./edge.ts";

let edge: JsonEdge;
beforeAll(async () => {
  edge = await startJsonEdge();
});
afterAll(() => edge.close());

const json = { "content-type": "application/json" };
const greet = "/helloworld.Greeter/SayHello";
const echo = "/edgeway.examples.v1.Echo";

/** A message in the framing of Connect's streams. */
function framed(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** What a body in that framing brings. */
function messagesIn(bytes: Buffer): unknown[] {
  const messages: unknown[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(JSON.parse(bytes.toString("utf8", at + 5, end)));
    at = end;
  }
  return messages;
}

describe("Connect with JSON, by descriptors from the server's reflection", () => {
  test("a POST is a unary call, with or without Connect's own header", async () => {
    for (const headers of [json, { ...json, "connect-protocol-version": "1" }]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { status, body } = await edge.send("POST", greet, { headers, body: '{"name": "Ada"}' });
      expect([status, body]).toEqual([200, '{"message":"Hello Ada"}']);
    }
  });

  test("a POST may be compressed", async () => {
    const headers = { ...json, "content-encoding": "gzip" };
    const { body } = await edge.send("POST", greet, { headers, body: gzipSync('{"name": "Ada"}') });
    expect(body).toBe('{"message":"Hello Ada"}');
  });

  test("a GET holds its message in the query", async () => {
    const query = `connect=v1&encoding=json&message=${encodeURIComponent('{"message": "Ada & Co"}')}`;
    const { status, body } = await edge.send("GET", `${echo}/Say?${query}`);
    expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ message: "Ada & Co" })]);
  });

  test("a GET of a method that may have side effects is refused", async () => {
    const query = `connect=v1&encoding=json&message=${encodeURIComponent('{"name": "Ada"}')}`;
    const { status, headers, body } = await edge.send("GET", `${greet}?${query}`);
    expect([status, headers["allow"]]).toEqual([405, "POST"]);
    expect(body).toContain("NO_SIDE_EFFECTS");
  });

  test("metadata and deadline pass", async () => {
    const headers = { ...json, "connect-timeout-ms": "5000", "x-id": "7" };
    const { body } = await edge.send("POST", `${echo}/Say`, { headers, body: '{"message": "hi"}' });
    const said = JSON.parse(body);
    expect(said).toMatchObject({ message: "hi", timeoutMillis: expect.any(Number) });
    expect(said.headers).toContainEqual({ name: "x-id", value: "7" });
  });

  test("a stream brings JSON messages and ends with the error and its details", async () => {
    const headers = { "content-type": "application/connect+json" };
    const asked = { code: 5, message: "gone", reason: "GONE", after: 2 };
    const { status, bytes } = await edge.send("POST", `${echo}/Fail`, { headers, body: framed(asked) });
    expect(status).toBe(200);
    expect(messagesIn(bytes)).toEqual([
      { number: 1 },
      { number: 2 },
      {
        error: {
          code: "not_found",
          message: "gone",
          details: [{ type: "google.rpc.ErrorInfo", value: expect.any(String) }],
        },
      },
    ]);
  });

  test("JSON that is no such message is refused with the field", async () => {
    const { status, body } = await edge.send("POST", greet, { headers: json, body: '{"name": 5}' });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({
      code: "invalid_argument",
      message: expect.stringMatching(/name: .*helloworld\.HelloRequest\.name.*expected string, got 5/),
    });
  });

  test("a server without descriptors leads to help", async () => {
    const grpcWithoutReflection = `{apiVersion: v1, kind: Service, metadata: {name: bare, annotations: {edgeway.dev/origin: "${await originOf("greeter")}", edgeway.dev/descriptors: nowhere}}, spec: {ports: [{port: 80, appProtocol: grpc}]}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: bare}, spec: {rules: [{host: bare.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: bare, port: {number: 80}}}}]}}]}}
`;
    await writeFile(join(edge.directory, "east", "bare.yaml"), grpcWithoutReflection);
    const ask = () => edge.send("POST", greet, { host: "bare.test", headers: json, body: '{"name": "Ada"}' });
    await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(501);
    expect(JSON.parse((await ask()).body)).toEqual({
      code: "unimplemented",
      message: expect.stringMatching(/default\/bare:80 takes no JSON.*gRPC reflection.*edgeway\.dev\/descriptors/),
    });
    const rest = await edge.send("GET", "/v1/greetings/Ada", { host: "bare.test" });
    expect([rest.status, rest.body]).toEqual([501, expect.stringContaining("no descriptors for REST: let its server")]);
  });
});

/** The address that the manifests give an example server. */
async function originOf(name: string): Promise<string> {
  const text = readFileSync(join(edge.directory, "east", "services.yaml"), "utf8");
  return new RegExp(`name: ${name}\\n  annotations:\\n    edgeway.dev/origin: (\\S+)`).exec(text)![1]!;
}

describe("REST, by descriptors from a ConfigMap", () => {
  test("a path is a unary call", async () => {
    const { status, headers, body } = await edge.send("GET", "/routeguide/features/469488000/74391000");
    expect([status, headers["content-type"]]).toEqual([200, "application/json"]);
    expect(JSON.parse(body)).toEqual({ name: "Bern", location: { latitude: 469488000, longitude: 74391000 } });
  });

  test("a query sets nested fields, and a stream has a line for each message", async () => {
    const query = "lo.latitude=460000000&lo.longitude=60000000&hi.latitude=466000000&hi.longitude=70000000";
    const { status, headers, body } = await edge.send("GET", `/routeguide/features?${query}`);
    expect([status, headers["content-type"]]).toEqual([200, "application/x-ndjson"]);
    const lines = body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ result }) => result.name)).toEqual(["Genève", "Nyon", "Lausanne", "Palézieux"]);
  });

  test("what is wrong is answered as a google.rpc.Status", async () => {
    const { status, headers, body } = await edge.send("GET", "/routeguide/features/north/1");
    expect([status, headers["content-type"]]).toEqual([400, "application/json"]);
    expect(JSON.parse(body)).toMatchObject({ code: 3, message: expect.stringContaining("latitude"), details: [] });
  });

  test("a path that no method has is not found", async () => {
    expect((await edge.send("GET", "/routeguide/nothing")).status).toBe(404);
  });

  test("Connect works by the same descriptors", async () => {
    const body = '{"latitude": 469488000, "longitude": 74391000}';
    const answer = await edge.send("POST", "/routeguide.RouteGuide/GetFeature", { headers: json, body });
    expect(JSON.parse(answer.body)).toMatchObject({ name: "Bern" });
  });

  test("the example's ConfigMap holds what its .proto files say", () => {
    const manifest = readFileSync(join(root, "examples/manifests/east/route-guide-descriptors.yaml"), "utf8");
    const held = Buffer.from(parse(manifest).binaryData["routeguide.binpb"], "base64");
    const proto = "examples/proto/routeguide.proto";
    const args = ["build", "examples/proto", "--path", proto, "--exclude-source-info", "-o", "-#format=binpb"];
    const built = execFileSync(join(root, "node_modules/.bin/buf"), args, { cwd: root });
    const asJson = (bytes: Uint8Array) => toJson(FileDescriptorSetSchema, fromBinary(FileDescriptorSetSchema, bytes));
    expect(asJson(held)).toEqual(asJson(built));
  });
});
