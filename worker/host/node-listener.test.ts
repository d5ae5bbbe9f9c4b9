import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { generate } from "selfsigned";
import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { type Handler, noBody } from "../call/http.ts";
import { Certificates } from "./node-certificates.ts";
import { type HeadPatience, listen, type ListenerOptions } from "./node-listener.ts";

/** Answers with whose connection it is. */
const whoCalls =
  (remoteAddress: string): Handler =>
  (_, answer) => {
    answer.respond({ head: { status: 200, fields: Fields.from([["x-caller", remoteAddress]]) }, body: noBody });
    return () => {};
  };

async function listening(options: Partial<ListenerOptions>, patience?: HeadPatience) {
  const listener = await listen({ host: "127.0.0.1", port: 0, handlerFor: whoCalls, ...options }, patience);
  return { port: listener.port, drain: () => listener.drain(), [Symbol.asyncDispose]: () => listener.close() };
}

/** A balancer that passes every connection on with `header` before it. */
async function balancer(port: number, header: string) {
  const server: Server = createServer((incoming) => {
    const outgoing = connect({ port, host: "127.0.0.1" });
    outgoing.write(header);
    incoming.pipe(outgoing).pipe(incoming);
    for (const socket of [incoming, outgoing]) socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}

async function authority(name: string) {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "basicConstraints", cA: true }],
  });
  return { cert: made.cert, key: made.private };
}

async function certificate(name: string, ca?: { cert: string; key: string }) {
  const altNames = [{ type: 2 as const, value: name }];
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames }],
    ...(ca && { ca }),
  });
  return { cert: made.cert, key: made.private };
}

async function answerTo(outgoing: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  const [response] = (await once(outgoing.end(), "response")) as [IncomingMessage];
  response.resume();
  return response;
}

function overTls(port: number, options: ConnectionOptions & { host?: string }, host = options.servername) {
  return answerTo(
    httpsRequest({ port, rejectUnauthorized: false, agent: false, ...options, headers: { host }, host: "127.0.0.1" }),
  );
}

const header = "PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\n";

test("behind a balancer the caller is whom its PROXY protocol header names, in the clear", async () => {
  await using edge = await listening({ proxyProtocol: true });
  using front = await balancer(edge.port, header);
  const response = await answerTo(httpRequest({ port: front.port, agent: false }));
  expect(response.headers["x-caller"]).toBe("192.0.2.7");
  const session = connectHttp2(`http://127.0.0.1:${front.port}`);
  const [headers] = await once(session.request({}), "response");
  expect(headers["x-caller"]).toBe("192.0.2.7");
  session.destroy();
});

test("the same over TLS, where the header comes before the handshake", async () => {
  const certificates = new Certificates(await certificate("shop.test"));
  await using edge = await listening({ proxyProtocol: true, certificates });
  using front = await balancer(edge.port, header);
  const response = await overTls(front.port, { servername: "shop.test" });
  expect(response.headers["x-caller"]).toBe("192.0.2.7");
});

test("a connection without the header is closed", async () => {
  await using edge = await listening({ proxyProtocol: true });
  await expect(answerTo(httpRequest({ port: edge.port, agent: false }))).rejects.toThrow("socket hang up");
});

test("a name with a client CA serves callers with its certificates, and nobody else", async () => {
  const [ca, stranger] = await Promise.all([authority("clients"), authority("strangers")]);
  const [server, client, other] = await Promise.all([
    certificate("private.test"),
    certificate("alice", ca),
    certificate("mallory", stranger),
  ]);
  const certificates = new Certificates(await certificate("open.test"));
  certificates.set([
    {
      hostnames: ["private.test"],
      chainPem: server.cert,
      keyPem: server.key,
      clients: { caPem: ca.cert, optional: false },
    },
  ]);
  await using edge = await listening({ certificates });
  const servername = "private.test";
  expect((await overTls(edge.port, { servername, ...client })).statusCode).toBe(200);
  await expect(overTls(edge.port, { servername })).rejects.toThrow();
  await expect(overTls(edge.port, { servername, ...other })).rejects.toThrow();
  expect((await overTls(edge.port, { servername: "open.test" })).statusCode).toBe(200);
  // Not by the name of the certificate, and then by another in the request.
  expect((await overTls(edge.port, { servername: "open.test" }, servername)).statusCode).toBe(421);
});

test("where client certificates are optional, none is as good as a right one, and a wrong one is refused", async () => {
  const ca = await authority("clients");
  const [client, other] = await Promise.all([certificate("alice", ca), certificate("mallory", await authority("x"))]);
  const fallback = await certificate("shop.test");
  const certificates = new Certificates({ ...fallback, clients: { caPem: ca.cert, optional: true } });
  await using edge = await listening({ certificates });
  const servername = "shop.test";
  expect((await overTls(edge.port, { servername })).statusCode).toBe(200);
  expect((await overTls(edge.port, { servername, ...client })).statusCode).toBe(200);
  await expect(overTls(edge.port, { servername, ...other })).rejects.toThrow();
});

/** A listener whose `strict` name asks for certificates of `ca`, beside open.test, which asks for none. */
async function withClients(strict: string, ca: string) {
  const server = await certificate(strict);
  const certificates = new Certificates(await certificate("open.test"));
  certificates.set([
    { hostnames: [strict], chainPem: server.cert, keyPem: server.key, clients: { caPem: ca, optional: false } },
  ]);
  return { edge: await listening({ certificates }), certificates };
}

test.each(["PRIVATE.test:443", "private.test.", "private.test.:443", "private.test:x", "private.test:1:2"])(
  "%j is the name that routes take it for, whose callers must have a certificate",
  async (host) => {
    const { edge } = await withClients("private.test", (await authority("clients")).cert);
    await using _ = edge;
    expect((await overTls(edge.port, { servername: "open.test" }, host)).statusCode).toBe(421);
    const session = connectHttp2(`https://127.0.0.1:${edge.port}`, {
      servername: "open.test",
      rejectUnauthorized: false,
    });
    const [headers] = await once(session.request({ ":authority": host }), "response");
    expect(headers[":status"]).toBe(421);
    session.destroy();
  },
);

test("an address is a host of its own, whose callers need what those of no name need", async () => {
  const { edge } = await withClients("private.test", (await authority("clients")).cert);
  await using _ = edge;
  for (const host of ["[::1]", "[::1]:8443", "127.0.0.1:8443", "private.test.other.test", "xprivate.test"]) {
    expect((await overTls(edge.port, { servername: "open.test" }, host)).statusCode, host).toBe(200);
  }
});

test("a wildcard with a client CA stands for several labels, as it does for routes", async () => {
  const ca = await authority("clients");
  const client = await certificate("alice", ca);
  const { edge } = await withClients("*.private.test", ca.cert);
  await using _ = edge;
  for (const name of ["a.private.test", "a.b.private.test"]) {
    expect((await overTls(edge.port, { servername: "open.test" }, name)).statusCode, name).toBe(421);
    await expect(overTls(edge.port, { servername: name }), name).rejects.toThrow();
    expect((await overTls(edge.port, { servername: name, ...client })).statusCode, name).toBe(200);
  }
  expect((await overTls(edge.port, { servername: "open.test" }, "private.test")).statusCode).toBe(200);
});

test("a name is served by its longest wildcard, and one label at least stands for the asterisk", async () => {
  const [wide, narrow] = await Promise.all([certificate("*.test"), certificate("*.private.test")]);
  const certificates = new Certificates();
  const clients = (caPem: string) => ({ caPem, optional: false });
  certificates.set([
    { hostnames: ["*.test"], chainPem: wide.cert, keyPem: wide.key, clients: clients(wide.cert) },
    { hostnames: ["*.private.test"], chainPem: narrow.cert, keyPem: narrow.key, clients: clients(narrow.cert) },
  ]);
  const caOf = (name: string) => certificates.clientsOf(name)?.caPem;
  expect(["a.private.test", "A.B.Private.TEST."].map(caOf)).toEqual([narrow.cert, narrow.cert]);
  expect(["private.test", ".private.test", "a.b.test"].map(caOf)).toEqual([wide.cert, wide.cert, wide.cert]);
  expect(["test", "", "[::1]", "*"].map(caOf)).toEqual([undefined, undefined, undefined, undefined]);
});

test("a connection without a certificate, as an optional name lets in, asks for no strict name of the same CA", async () => {
  const ca = await authority("clients");
  const [server, client] = await Promise.all([certificate("shop.test"), certificate("alice", ca)]);
  const certificates = new Certificates();
  const own = { chainPem: server.cert, keyPem: server.key };
  certificates.set([
    { ...own, hostnames: ["strict.test"], clients: { caPem: ca.cert, optional: false } },
    { ...own, hostnames: ["optional.test"], clients: { caPem: ca.cert, optional: true } },
  ]);
  await using edge = await listening({ certificates });
  const servername = "optional.test";
  expect((await overTls(edge.port, { servername }, "strict.test")).statusCode).toBe(421);
  expect((await overTls(edge.port, { servername, ...client }, "strict.test")).statusCode).toBe(200);
  expect((await overTls(edge.port, { servername: "strict.test", ...client }, servername)).statusCode).toBe(200);
});

test("who comes back by TLS 1.2 is held to the name that he asks for, as whoever comes anew", async () => {
  const [own, others] = await Promise.all([authority("clients"), authority("others")]);
  const [server, client] = await Promise.all([certificate("private.test"), certificate("alice", own)]);
  const certificates = new Certificates({ ...server, clients: { caPem: others.cert, optional: false } });
  certificates.set([
    {
      hostnames: ["private.test"],
      chainPem: server.cert,
      keyPem: server.key,
      clients: { caPem: own.cert, optional: false },
    },
  ]);
  await using edge = await listening({ certificates });
  const before = { servername: "private.test", maxVersion: "TLSv1.2" as const, ...client };
  const socket = connectTls({ port: edge.port, host: "127.0.0.1", rejectUnauthorized: false, ...before });
  await once(socket, "secureConnect");
  const again = { ...before, session: socket.getSession()! };
  socket.destroy();
  expect((await overTls(edge.port, again)).statusCode).toBe(200);
  expect((await overTls(edge.port, again, "other.test")).statusCode).toBe(421);
});

const behind = [
  ["in the clear", false, false],
  ["over TLS", false, true],
  ["behind a balancer", true, false],
  ["behind a balancer, over TLS", true, true],
] as const;

/** A connection in HTTP/1.1 on which `text` was sent, and which never ends by itself. */
async function speaking(port: number, { announced, secure }: { announced: boolean; secure: boolean }, text: string) {
  const tcp = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  if (announced) tcp.write(header);
  const socket = secure ? connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] }) : tcp;
  for (const each of [tcp, socket]) each.on("error", () => {});
  socket.write(text);
  const [answer] = (await once(socket, "data")) as [Buffer];
  return answer.toString("latin1", 0, answer.indexOf("\r\n"));
}

test.each(behind)(
  "a head that does not end is waited for no longer than headersTimeout, %s",
  async (_, announced, secure) => {
    const certificates = secure ? new Certificates(await certificate("shop.test")) : undefined;
    const patience = { headersTimeout: 50, connectionsCheckingInterval: 10 };
    await using edge = await listening({ proxyProtocol: announced, certificates }, patience);
    const status = await speaking(edge.port, { announced, secure }, "GET / HTTP/1.1\r\nhost: shop.test\r\nx-a: ");
    expect(status).toBe("HTTP/1.1 408 Request Timeout");
    await edge.drain(); // nothing of it is left
  },
);

test.each(behind)("draining waits for no caller that keeps an idle connection, %s", async (_, announced, secure) => {
  const certificates = secure ? new Certificates(await certificate("shop.test")) : undefined;
  await using edge = await listening({ proxyProtocol: announced, certificates });
  const status = await speaking(edge.port, { announced, secure }, "GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n");
  expect(status).toBe("HTTP/1.1 200 OK");
  const before = performance.now();
  await edge.drain();
  expect(performance.now() - before).toBeLessThan(2_000); // node:http keeps it for 6 s
});
