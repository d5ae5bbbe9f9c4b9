import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { type ClientHttp2Session, connect, createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { create } from "@bufbuild/protobuf";
import { generate } from "selfsigned";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import type { RouteTable } from "../../routes/model.ts";
import { startNodeEdge } from "./node.ts";
import { type CertificateAndKey, Certificates } from "./node-certificates.ts";
import { dialTls } from "./node-dial.ts";

/** Sends everything to an HTTP/1.1 origin on `port`. */
function tableTo(port: number): RouteTable {
  const source = { kind: "HTTPRoute", namespace: "default", name: "all" };
  const backends = [{ key: "b", source, protocol: OriginProtocol.HTTP1, endpoints: [{ host: "127.0.0.1", port }] }];
  const rules = [{ backends: [{ target: { case: "backend", value: "b" } as const, weight: 1 }] }];
  const decoded = decode(
    create(ClusterTableSchema, { cluster: "test", backends, routes: [{ key: "r", source, rules }] }),
  );
  if (decoded.issues !== undefined) throw new Error(JSON.stringify(decoded.issues));
  return compile([decoded.part]);
}

async function certificateFor(name: string): Promise<CertificateAndKey> {
  const altNames = [{ type: 2 as const, value: name }];
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames }],
  });
  return { cert: made.cert, key: made.private };
}

/** The origin: each test says what it answers. */
let origin: Server;
let answer: (request: IncomingMessage) => string | Promise<string>;
let table: RouteTable;

beforeAll(async () => {
  origin = createServer((request, response) => {
    void Promise.resolve(answer(request)).then((text) => response.end(text));
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  table = tableTo((origin.address() as AddressInfo).port);
});
afterAll(() => {
  origin.closeAllConnections();
  origin.close();
});

async function clearEdge() {
  const edge = await startNodeEdge({ listeners: [{ host: "127.0.0.1", port: 0 }], table: () => table });
  return { ...edge, [Symbol.asyncDispose]: () => edge.close(), port: edge.ports[0]! };
}

function overHttp1(port: number, path = "/"): Promise<IncomingMessage> {
  const outgoing = httpRequest({ port, path, headers: { host: "shop.test" } }).end();
  return once(outgoing, "response").then(([response]) => response as IncomingMessage);
}

async function overHttp2(session: ClientHttp2Session, path = "/"): Promise<string> {
  const stream = session.request({ ":path": path, ":authority": "shop.test" });
  return contentOf(stream);
}

async function contentOf(stream: NodeJS.ReadableStream): Promise<string> {
  let content = "";
  for await (const chunk of stream) content += chunk.toString();
  return content;
}

test("one port takes HTTP/1.1 and HTTP/2, and the origin sees the caller's host", async () => {
  answer = (request) => `${request.headers.host} ${request.url}`;
  await using edge = await clearEdge();
  expect(await contentOf(await overHttp1(edge.port, "/a?b=c"))).toBe("shop.test /a?b=c");
  const session = connect(`http://127.0.0.1:${edge.port}`);
  expect(await overHttp2(session, "/d")).toBe("shop.test /d");
  session.close();
});

test("a request in absolute form names its host by that (RFC 9112 section 3.2.2)", async () => {
  answer = (request) => `${request.headers.host} ${request.url}`;
  await using edge = await clearEdge();
  expect(await contentOf(await overHttp1(edge.port, "http://other.test/x"))).toBe("other.test /x");
});

test("draining lets calls under way end, and turns new connections away", async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  answer = async () => {
    asked.resolve();
    await release.promise;
    return "at last";
  };
  await using edge = await clearEdge();
  const slow = overHttp1(edge.port);
  await asked.promise;
  const drained = edge.drain();
  await expect(overHttp1(edge.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  release.resolve();
  const response = await slow;
  expect(response.headers.connection).toBe("close");
  expect(await contentOf(response)).toBe("at last");
  await drained;
});

test("a caller that leaves closes the origin's connection", async () => {
  const asked = Promise.withResolvers<IncomingMessage>();
  answer = (request) => {
    asked.resolve(request);
    return new Promise(() => {});
  };
  await using edge = await clearEdge();
  const outgoing = httpRequest({ port: edge.port }).end();
  outgoing.on("error", () => {});
  const request = await asked.promise;
  outgoing.destroy();
  await once(request.socket, "close");
});

test("certificates are chosen by name, for callers without a name too, and replaced at run time", async () => {
  const certificates = new Certificates(await certificateFor("fallback.test"));
  const edge = await startNodeEdge({ listeners: [{ host: "127.0.0.1", port: 0, certificates }], table: () => table });
  const nameOf = async (servername?: string): Promise<string> => {
    const socket = connectTls({ port: edge.ports[0]!, rejectUnauthorized: false, ...(servername && { servername }) });
    await once(socket, "secureConnect");
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return String(subject.CN);
  };
  const shop = await certificateFor("shop.test");
  const other = await certificateFor("other.test");
  expect(await nameOf("shop.test")).toBe("fallback.test");
  certificates.set([{ hostnames: ["shop.test"], chainPem: shop.cert, keyPem: shop.key }]);
  expect([await nameOf("shop.test"), await nameOf("x.test"), await nameOf()]).toEqual([
    "shop.test",
    "fallback.test",
    "fallback.test",
  ]);
  certificates.set([{ hostnames: [], chainPem: other.cert, keyPem: other.key }]);
  expect([await nameOf("shop.test"), await nameOf()]).toEqual(["other.test", "other.test"]);
  await edge.close();
});

test("a taken port is an error of one line, and nothing stays open", async () => {
  await using edge = await clearEdge();
  const listeners = [
    { host: "127.0.0.1", port: 0 },
    { host: "127.0.0.1", port: edge.port },
  ];
  await expect(startNodeEdge({ listeners, table: () => table })).rejects.toThrow(`port ${edge.port} is taken`);
});

test("a TLS origin must be trusted, and must offer HTTP/2", async () => {
  const credentials = await certificateFor("origin.test");
  const dialTo = async (server: { listen(port: number): unknown; address(): unknown }, options: object) => {
    server.listen(0);
    await once(server as Server, "listening");
    const { port } = server.address() as AddressInfo;
    return dialTls({ host: "127.0.0.1", port, servername: "origin.test", ...options }, "h2", 2000);
  };
  const http2 = createSecureServer(credentials);
  const trusted = await dialTo(http2, { ca: credentials.cert });
  trusted.destroy();
  http2.close();
  const stranger = createSecureServer(credentials);
  await expect(dialTo(stranger, {})).rejects.toThrow("self-signed certificate");
  stranger.close();
  const old = createTlsServer(credentials);
  await expect(dialTo(old, { ca: credentials.cert })).rejects.toThrow("does not offer HTTP/2");
  old.close();
});

test("an origin that cannot be reached is 503 for plain HTTP, by the backend's name", async () => {
  const nobody = tableTo(1);
  const edge = await startNodeEdge({ listeners: [{ host: "127.0.0.1", port: 0 }], table: () => nobody });
  const response = await overHttp1(edge.ports[0]!);
  expect(response.statusCode).toBe(503);
  expect(await contentOf(response)).toContain("backend test/b: 127.0.0.1:1");
  await edge.close();
});
