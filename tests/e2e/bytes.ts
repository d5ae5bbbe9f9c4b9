import { Metadata, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gzipSync } from "node:zlib";
import { createServer } from "node:http";
import { GrpcClient, metadataOf } from "./clients.ts";
import { edge } from "./edge.ts";
import { httpService } from "./manifests.ts";
import { listen } from "./peers.ts";
import { frame, frames, send, sendWeb, trailers } from "./raw.ts";

const say = "edgeway.examples.v1.Echo/Say";
const fail = "edgeway.examples.v1.Echo/Fail";
const sayRequest = (message: object) => frame("edgeway.examples.v1.SayRequest", message);

export function bytes(): void {
  describe("metadata", metadata);
  describe("gRPC-Web", grpcWeb);
  describe("HTTP", http);
}

function metadata(): void {
  let client: GrpcClient;
  beforeAll(() => {
    client = new GrpcClient(edge);
  });
  afterAll(() => client.close());

  test("passes in both directions, binary values among it", async () => {
    const sent = metadataOf({ "x-text": "Gruezi" });
    sent.set("x-trace-bin", Buffer.from([0, 1, 254, 255]));
    const request = {
      headers: [{ name: "x-head-bin", value: "AAH+/w==" }],
      trailers: [
        { name: "x-tail", value: "bye" },
        { name: "x-tail-bin", value: "/wA=" },
      ],
    };
    const { response, headers, trailers: tail } = await client.call(say, request, sent);
    expect(response["headers"]).toEqual(
      expect.arrayContaining([
        { name: "x-text", value: "Gruezi" },
        { name: "x-trace-bin", value: "AAH+/w==" },
      ]),
    );
    expect(headers.get("x-head-bin")).toEqual([Buffer.from([0, 1, 254, 255])]);
    expect(tail.get("x-tail")).toEqual(["bye"]);
    expect(tail.get("x-tail-bin")).toEqual([Buffer.from([255, 0])]);
  });

  test("binary values of one name stay apart", async () => {
    const sent = new Metadata();
    sent.add("x-many-bin", Buffer.from([1]));
    sent.add("x-many-bin", Buffer.from([2]));
    const { response } = await client.call(say, {}, sent);
    expect(response["headers"].filter(({ name }: { name: string }) => name === "x-many-bin")).toEqual([
      { name: "x-many-bin", value: "AQ==" },
      { name: "x-many-bin", value: "Ag==" },
    ]);
  });

  test("may be as large as grpc-js takes it", async () => {
    const large = "m".repeat(7_000);
    const request = { headers: [{ name: "x-large", value: large }], trailers: [{ name: "x-large-too", value: large }] };
    const { response, headers, trailers: tail } = await client.call(say, request, metadataOf({ "x-mine": large }));
    expect(response["headers"]).toContainEqual({ name: "x-mine", value: large });
    expect(headers.get("x-large")).toEqual([large]);
    expect(tail.get("x-large-too")).toEqual([large]);
  });

  test("that is too large is refused, and the next call works", async () => {
    const call = client.call(say, {}, metadataOf({ "x-huge": "m".repeat(70_000) }));
    await expect(call).rejects.toMatchObject({ code: 8 });
    expect(await client.unary(say, { message: "on" })).toMatchObject({ message: "on" });
  });
}

function grpcWeb(): void {
  const port = () => edge.clearPort;

  test("an answer is streamed, and ends with a trailer frame of lines without spaces", async () => {
    const {
      status: answered,
      headers,
      body,
    } = await sendWeb({ port: port(), method: say, body: sayRequest({ message: "hi" }) });
    expect(answered).toBe(200);
    expect(headers).toMatchObject({ "content-type": "application/grpc-web+proto" });
    expect(headers).not.toHaveProperty("content-length");
    expect(headers).not.toHaveProperty("grpc-status");
    expect(frames(body).map(({ flags }) => flags)).toEqual([0, 0x80]);
    expect(frames(body).at(-1)!.bytes.toString()).toMatch(/^(?:[a-z0-9-]+:[^ ].*\r\n)+$/);
    expect(trailers(body)).toMatchObject({ "grpc-status": "0" });
  });

  test("an answer that is trailers only has exactly one trailer frame, and nothing else", async () => {
    const body = frame("edgeway.examples.v1.FailRequest", { code: 9, message: "ein Ärger" });
    const answered = await sendWeb({ port: port(), method: fail, body });
    expect(frames(answered.body).map(({ flags }) => flags)).toEqual([0x80]);
    expect(trailers(answered.body)).toMatchObject({ "grpc-status": "9", "grpc-message": "ein %C3%84rger" });
  });

  test("so has one that the edge gives itself", async () => {
    const { headers, body } = await sendWeb({ port: port(), method: "nobody.Nothing/Do", body: sayRequest({}) });
    expect(headers).not.toHaveProperty("content-length");
    expect(frames(body).map(({ flags }) => flags)).toEqual([0x80]);
    expect(trailers(body)).toMatchObject({ "grpc-status": String(status.UNIMPLEMENTED) });
  });

  test.each(["application/grpc-web-text", "application/grpc-web-text+proto"])(
    "%s is base64 both ways",
    async (type) => {
      const { headers, body } = await sendWeb({
        port: port(),
        method: say,
        headers: { "content-type": type, env: "env2" },
        body: sayRequest({ message: "hi" }).toString("base64"),
      });
      expect(headers["content-type"]).toBe(type);
      // Each part may have a padding of its own.
      const parts = body.toString("latin1").match(/[A-Za-z0-9+/]+={0,2}/g)!;
      const binary = Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
      expect(frames(binary)[0]!.bytes.toString()).toContain("env2");
      expect(trailers(binary)).toMatchObject({ "grpc-status": "0" });
    },
  );

  const cutOff = Buffer.from([0, 0, 0, 0, 9, 1, 2]);
  test.each([
    ["a message that is cut off", "application/grpc-web+proto", cutOff],
    ["a length without a message", "application/grpc-web+proto", cutOff.subarray(0, 5)],
    ["half a frame's head", "application/grpc-web+proto", cutOff.subarray(0, 3)],
    ["text that is no base64", "application/grpc-web-text", "%%%%"],
    ["text that is cut off", "application/grpc-web-text", cutOff.toString("base64")],
    ["nothing at all", "application/grpc-web+proto", ""],
    ["a length of four gigabytes", "application/grpc-web+proto", Buffer.from([0, 255, 255, 255, 255, 1])],
  ])("a body that is %s is an error in a trailer frame", async (_what, type, body) => {
    const answered = await sendWeb({ port: port(), method: say, headers: { "content-type": type }, body });
    expect(answered.status).toBe(200);
    const raw = answered.body;
    const decoded = type.includes("text") ? Buffer.from(raw.toString("latin1"), "base64") : raw;
    expect(Number(trailers(decoded)["grpc-status"])).toBeGreaterThan(0);
  });

  test("a caller's own plan or address is worth nothing", async () => {
    const headers = { "x-edgeway-plan": "{}", "cf-connecting-ip": "6.6.6.6" };
    const { body } = await sendWeb({ port: port(), method: say, headers, body: sayRequest({}) });
    expect(trailers(body)).toMatchObject({ "grpc-status": "0" });
    expect(frames(body)[0]!.bytes.toString()).not.toContain("6.6.6.6");
  });
}

function http(): void {
  test("a body that its origin compressed arrives as it was compressed", async () => {
    const text = "edgeway ".repeat(1000);
    const zipped = gzipSync(text);
    const server = createServer((request, response) => {
      const encoding = request.headers["accept-encoding"] === "gzip" ? { "content-encoding": "gzip" } : {};
      response.writeHead(200, { "content-type": "text/plain", ...encoding });
      response.end("content-encoding" in encoding ? zipped : text);
    });
    await using origin = await listen(server);
    await edge.apply("east", "zipped.yaml", httpService("zipped.test", origin.address, "http"));
    const request = { port: edge.clearPort, path: "/", headers: { host: "zipped.test" } };
    const plain = await send(request);
    expect(plain.headers).not.toHaveProperty("content-encoding");
    expect(plain.body.toString()).toBe(text);
    const zip = await send({ ...request, headers: { ...request.headers, "accept-encoding": "gzip" } });
    expect(zip.headers).toMatchObject({ "content-encoding": "gzip" });
    expect(zip.body.equals(zipped)).toBe(true);
    server.closeAllConnections();
  });

  test.each(["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])("%s passes", async (method) => {
    const headers = { host: "www.example.com" };
    const { status: answered, body } = await send({ port: edge.clearPort, method, path: "/get", headers });
    expect(answered).toBe(200);
    if (method !== "HEAD") expect(JSON.parse(body.toString())).toMatchObject({ method });
  });
}
