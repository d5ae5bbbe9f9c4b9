import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Fields } from "../../../worker/call/fields.ts";
import { envelope } from "../../../worker/wire/envelope.ts";
import { encodeTrailerFrame } from "../../../worker/wire/web-trailer.ts";
import { selfSigned } from "./certificates.ts";
import { type Front, startFront } from "./front.ts";
import { http1Client, type Http1Client } from "./http1-client.ts";

/** Stands for workerd: each test says what it answers. */
let worker: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let client: Http1Client;
let front: Front;
let grpc: Client;

beforeAll(async () => {
  worker = createServer((request, response) => answer(request, response)).listen(0, "127.0.0.1");
  await once(worker, "listening");
  client = http1Client("127.0.0.1", (worker.address() as AddressInfo).port);
  front = await startFront({ worker: client.handler, tlsPort: 0, clearPort: 0 });
  grpc = new Client(`localhost:${front.clearPort}`, credentials.createInsecure());
});

afterAll(async () => {
  grpc.close();
  await front.close();
  client.close();
  worker.closeAllConnections();
  worker.close();
});

afterEach(() => {
  front.setCertificates([]);
});

const path = "/shop.Orders/Place";
const bytes = (text: string) => new TextEncoder().encode(text);
const message = (text: string) => envelope(0, bytes(text));
const trailers = (...entries: [string, string][]) => encodeTrailerFrame(Fields.from(entries));
const ok = trailers(["grpc-status", "0"]);
const same = (buffer: Buffer) => buffer;

function web(response: ServerResponse, headers: OutgoingHttpHeaders = {}, status = 200): ServerResponse {
  return response.writeHead(status, { "content-type": "application/grpc-web", ...headers });
}

interface Outcome {
  readonly error: ServiceError | null;
  readonly message: string | undefined;
  readonly headers: Metadata;
  readonly trailers: Metadata;
}

function unary(text: string, metadata = new Metadata()): Promise<Outcome> {
  return new Promise((resolve) => {
    let headers = new Metadata();
    let outcome: Pick<Outcome, "error" | "message">;
    const call = grpc.makeUnaryRequest(path, same, same, Buffer.from(text), metadata, (error, response) => {
      outcome = { error, message: response?.toString() };
    });
    call.on("metadata", (received) => (headers = received));
    call.on("status", (status) => setImmediate(() => resolve({ ...outcome, headers, trailers: status.metadata })));
  });
}

test("the Worker sees a gRPC call as gRPC-Web, with its own host, its metadata and who called", async () => {
  let seen: IncomingMessage | undefined;
  let body = Buffer.alloc(0);
  answer = (request, response) => {
    seen = request;
    request.on("data", (chunk: Buffer) => (body = Buffer.concat([body, chunk])));
    request.on("end", () => web(response).end(ok));
  };
  const metadata = new Metadata();
  metadata.set("tenant", "blue");
  metadata.set("trace-bin", Buffer.from([0, 255]));
  metadata.set("cf-connecting-ip", "6.6.6.6");
  metadata.set("x-forwarded-proto", "https");
  await unary("three apples", metadata);

  expect(seen).toMatchObject({ method: "POST", url: path });
  expect(seen!.headersDistinct).toMatchObject({
    host: [`localhost:${front.clearPort}`],
    "content-type": ["application/grpc-web"],
    tenant: ["blue"],
    "trace-bin": ["AP8="],
    "x-forwarded-proto": ["http"],
  });
  expect(seen!.headersDistinct["cf-connecting-ip"]).toEqual([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]);
  expect(seen!.headers).not.toHaveProperty("te");
  expect(body.subarray(5).toString()).toBe("three apples");
});

test("the Worker's gRPC-Web answer reaches the caller as gRPC with real trailers", async () => {
  answer = (_request, response) => {
    web(response, { "shop-queue": "short" });
    response.write(message("placed"));
    response.end(trailers(["grpc-status", "0"], ["shop-order", "7"], ["shop-order", "8"]));
  };
  const outcome = await unary("");
  expect(outcome).toMatchObject({ error: null, message: "placed" });
  expect(outcome.headers.get("shop-queue")).toEqual(["short"]);
  expect(outcome.trailers.get("shop-order")).toEqual(["7, 8"]);
});

test("a status, its message and its details reach the caller", async () => {
  answer = (_request, response) => {
    web(response).end(
      trailers(["grpc-status", "9"], ["grpc-message", "50%25 sold"], ["grpc-status-details-bin", "CAk="]),
    );
  };
  const { error } = await unary("");
  expect(error).toMatchObject({ code: 9, details: "50% sold" });
  expect(error!.metadata.get("grpc-status-details-bin")).toEqual([Buffer.from([8, 9])]);
});

test("the subtype of the content type is mirrored", async () => {
  answer = (request, response) => web(response, { "content-type": request.headers["content-type"] }).end(ok);
  const { headers } = await http2({ "content-type": "application/grpc+json" });
  expect(headers["content-type"]).toBe("application/grpc+json");
});

test("each message is answered before the next one is sent", async () => {
  answer = (request, response) => {
    web(response).flushHeaders();
    request.on("data", (chunk: Buffer) => response.write(chunk));
    request.on("end", () => response.end(ok));
  };
  const call = grpc.makeBidiStreamRequest(path, same, same);
  for (const text of ["one", "two", "three"]) {
    call.write(Buffer.from(text));
    const [reply] = (await once(call, "data")) as [Buffer];
    expect(reply.toString()).toBe(text);
  }
  call.end();
  const [status] = await once(call, "status");
  expect(status).toMatchObject({ code: 0 });
});

test.each<[string, (response: ServerResponse) => void]>([
  ["it has a content-length", (response) => web(response, { "content-length": ok.length }).end(ok)],
  ["it ends without a trailer frame", (response) => web(response).end(message("placed"))],
  ["it ends within a message", (response) => web(response).end(message("placed").subarray(0, 7))],
  ["its trailer frame has no grpc-status", (response) => web(response).end(trailers(["shop-order", "7"]))],
  ["it goes on after its trailer frame", (response) => web(response).end(Buffer.concat([ok, message("more")]))],
  [
    "it has grpc-status among its headers",
    (response) => web(response, { "grpc-status": "5", "transfer-encoding": "chunked" }).end(),
  ],
  ["its content type is", (response) => web(response, { "content-type": "application/grpc-web+proto" }).end(ok)],
  ["its content type is", (response) => web(response, { "content-type": "text/html" }).end("<p>Hello")],
  ["its status is 503, not 200", (response) => web(response, {}, 503).end(ok)],
])("an answer is refused with INTERNAL because %s", async (problem, bad) => {
  answer = (_request, response) => bad(response);
  const { error } = await unary("");
  expect(error?.code).toBe(13);
  expect(error?.details).toContain(problem);
});

test("an answer of another status that is not gRPC-Web passes as it is", async () => {
  answer = (_request, response) => response.writeHead(415, { "content-type": "text/plain" }).end("not like this");
  const { headers, body } = await http2({ "content-type": "application/grpc" });
  expect(headers).toMatchObject({ ":status": 415, "content-type": "text/plain" });
  expect(body).toBe("not like this");
});

test("what is no gRPC passes unchanged in both directions, trailer frame and all", async () => {
  let seen: IncomingMessage | undefined;
  answer = (request, response) => {
    seen = request;
    web(response, { "content-type": "application/grpc-web+proto" }).end(ok);
  };
  const { headers, body } = await http2({ "content-type": "application/grpc-web+proto", te: "trailers" });
  expect(seen!.headers).toMatchObject({ "content-type": "application/grpc-web+proto", te: "trailers" });
  expect(headers["content-type"]).toBe("application/grpc-web+proto");
  expect(body).toBe(Buffer.from(ok).toString());
});

test("a cookie field that HTTP/2 has split is whole for the Worker", async () => {
  answer = (request, response) => response.end(JSON.stringify(request.headersDistinct["cookie"]));
  const { body } = await http2({ cookie: ["a=1", "b=2"] });
  expect(JSON.parse(body)).toEqual(["a=1; b=2"]);
});

test("a caller that cancels is gone for the Worker too", async () => {
  const gone = Promise.withResolvers<void>();
  answer = (request, response) => {
    web(response).flushHeaders();
    request.resume();
    response.on("close", () => gone.resolve());
  };
  const call = grpc.makeServerStreamRequest(path, same, same, Buffer.from(""));
  call.on("error", () => {});
  await once(call, "metadata");
  call.cancel();
  await gone.promise;
});

test("a Worker that breaks off its answer breaks off the caller's", async () => {
  answer = (_request, response) => {
    web(response).write(message("placed"), () => response.destroy());
  };
  const { error } = await unary("");
  expect(error?.code).toBe(13);
});

test("an answer before the request has ended reaches the caller, who is told to stop sending", async () => {
  const gone = Promise.withResolvers<void>();
  answer = (request, response) => {
    web(response).end(trailers(["grpc-status", "8"], ["grpc-message", "sold out"]));
    request.socket.on("close", () => gone.resolve());
  };
  const session = connect(`http://localhost:${front.clearPort}`);
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
  stream.write(message("one"));
  stream.resume();
  const [received] = (await once(stream, "trailers")) as [IncomingHttpHeaders];
  expect(received).toMatchObject({ "grpc-status": "8", "grpc-message": "sold out" });
  await once(stream, "close");
  expect(stream.rstCode).toBe(0);
  await gone.promise;
  session.close();
});

test("a Worker that cannot be reached is UNAVAILABLE for gRPC and 502 for others", async () => {
  const unreachable = await startFront({ worker: http1Client("127.0.0.1", 1).handler, tlsPort: 0, clearPort: 0 });
  try {
    const unlucky = new Client(`localhost:${unreachable.clearPort}`, credentials.createInsecure());
    const error = await new Promise<ServiceError | null>((resolve) =>
      unlucky.makeUnaryRequest(path, same, same, Buffer.from(""), resolve),
    );
    expect(error).toMatchObject({ code: 14, details: expect.stringContaining("the Worker cannot be reached") });
    unlucky.close();
    const response = await fetch(`http://localhost:${unreachable.clearPort}/`);
    expect(response.status).toBe(502);
  } finally {
    await unreachable.close();
  }
});

test("the clear port takes HTTP/1.1 as well, and bodies of either", async () => {
  answer = (request, response) => {
    request.pipe(response.writeHead(200, { "x-method": request.method }));
  };
  const response = await fetch(`http://localhost:${front.clearPort}/upload?x=1`, { method: "PUT", body: "apples" });
  expect(response.headers.get("x-method")).toBe("PUT");
  expect(await response.text()).toBe("apples");
});

test("the TLS port offers HTTP/2 and HTTP/1.1, and tells the Worker that it is https", async () => {
  answer = (request, response) => response.end(request.headers["x-forwarded-proto"]);
  const outgoing = httpsRequest({ port: front.tlsPort, host: "localhost", rejectUnauthorized: false }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  expect(await contentOf(response)).toBe("https");

  const { headers, body } = await http2({}, `https://localhost:${front.tlsPort}`);
  expect(headers[":status"]).toBe(200);
  expect(body).toBe("https");
});

test("a certificate is chosen by the name asked for, and replaced at run time", async () => {
  const { cert, key } = await selfSigned();
  const fingerprint = async (servername: string) => {
    const socket = connectTls({ port: front.tlsPort, servername, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return raw.toString("base64");
  };
  const fallback = await fingerprint("shop.example.com");

  const problems = front.setCertificates([
    { hostnames: ["*.example.com"], chainPem: cert, keyPem: key },
    { hostnames: ["broken.example.com"], chainPem: "no PEM", keyPem: "no PEM" },
  ]);
  expect(problems).toEqual([expect.stringContaining("the certificate for broken.example.com cannot be used")]);
  expect(await fingerprint("shop.example.com")).not.toBe(fallback);
  expect(await fingerprint("a.shop.example.com")).not.toBe(fallback);
  expect(await fingerprint("example.com")).toBe(fallback);
  expect(await fingerprint("localhost")).toBe(fallback);

  front.setCertificates([{ hostnames: [], chainPem: cert, keyPem: key }]);
  expect(await fingerprint("localhost")).not.toBe(fallback);
});

test("a taken port is an error of one line", async () => {
  const nowhere = http1Client("127.0.0.1", 1).handler;
  await expect(startFront({ worker: nowhere, tlsPort: 0, clearPort: front.tlsPort })).rejects.toThrow(
    `port ${front.tlsPort} is taken`,
  );
});

async function http2(
  headers: OutgoingHttpHeaders,
  origin = `http://localhost:${front.clearPort}`,
): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  const session = connect(origin, { rejectUnauthorized: false });
  try {
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    stream.end();
    const [received] = (await once(stream, "response")) as [IncomingHttpHeaders];
    return { headers: received, body: await contentOf(stream) };
  } finally {
    session.close();
  }
}

async function contentOf(stream: NodeJS.ReadableStream): Promise<string> {
  let content = "";
  for await (const chunk of stream) content += chunk.toString();
  return content;
}
