import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import { generate } from "selfsigned";
import { afterEach, beforeAll, expect, test } from "vitest";
import type { OriginTls } from "../../routes/policies.ts";
import { dial } from "./node-dial.ts";
import { hints } from "./origin-hints.ts";

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let ca: Pair;
let server: Pair;
let client: Pair;
const open: Server[] = [];

beforeAll(async () => {
  ca = await issue("ca", { extensions: [{ name: "basicConstraints", cA: true }] });
  const altNames = [
    { type: 2 as const, value: "mesh.test" },
    { type: 6 as const, value: "spiffe://cluster.local/ns/shop/sa/cart" },
  ];
  server = await issue("mesh.test", { ca, extensions: [{ name: "subjectAltName", altNames }] });
  client = await issue("edge", { ca });
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function issue(name: string, options: object): Promise<Pair> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ...options,
  });
  return { cert: made.cert, key: made.private };
}

async function serve(one: Server): Promise<number> {
  open.push(one);
  one.listen(0, "127.0.0.1");
  await once(one, "listening");
  return (one.address() as AddressInfo).port;
}

/** An origin over TLS; resolves to its port and to what it saw of its first caller. */
async function origin(options: TlsOptions = {}) {
  const seen = Promise.withResolvers<{ serverName: unknown; client: string | undefined }>();
  const tls = createTlsServer({ ...server, ALPNProtocols: ["h2"], ...options }, (socket: TLSSocket) =>
    seen.resolve({
      serverName: socket.servername,
      client: socket.getPeerCertificate()?.subject?.CN as string | undefined,
    }),
  );
  return { port: await serve(tls), seen: seen.promise };
}

const policy: OriginTls = {
  serverName: "mesh.test",
  ca: undefined,
  subjectAltNames: [],
  client: undefined,
  insecure: false,
};

async function reach(port: number, originTls: Partial<OriginTls> | undefined): Promise<void> {
  const stream = await dial({
    host: "127.0.0.1",
    port,
    tls: true,
    originTls: originTls && { ...policy, ca: ca.cert, ...originTls },
    protocol: "http2",
    connectTimeoutMs: 2_000,
  });
  // What the server says of the client's certificate comes after the handshake (TLS 1.3).
  const closed = Promise.withResolvers<void>();
  stream.open({ data() {}, drain() {}, close: (error) => (error ? closed.reject(error) : closed.resolve()) });
  stream.end();
  await closed.promise;
}

test("an origin with a private CA is reached by the policy's server name, whatever its address", async () => {
  const { port, seen } = await origin();
  await reach(port, {});
  expect((await seen).serverName).toBe("mesh.test");
});

test("the certificate may be for one of the policy's subject alternative names, a SPIFFE identity among them", async () => {
  const { port } = await origin();
  await reach(port, { serverName: "other.test", subjectAltNames: ["spiffe://cluster.local/ns/shop/sa/cart"] });
  await reach(port, { serverName: "other.test", subjectAltNames: ["x.test", "mesh.test"] });
  await expect(reach(port, { subjectAltNames: ["spiffe://cluster.local/ns/shop/sa/x"] })).rejects.toThrow(
    "its certificate is for DNS:mesh.test, URI:spiffe://cluster.local/ns/shop/sa/cart, not for spiffe://",
  );
});

test("an origin that asks for it gets the edge's client certificate, and one without is refused", async () => {
  const wanting = { requestCert: true, rejectUnauthorized: true, ca: ca.cert };
  const one = await origin(wanting);
  await reach(one.port, { client: { certificate: client.cert, key: client.key } });
  expect((await one.seen).client).toBe("edge");
  const { port } = await origin(wanting);
  await expect(reach(port, {})).rejects.toThrow(
    `127.0.0.1:${port}: TLS: tlsv13 alert certificate required: ${hints.wantsClient}`,
  );
  const old = await origin({ ...wanting, maxVersion: "TLSv1.2" });
  await expect(reach(old.port, {})).rejects.toThrow(`alert handshake failure: ${hints.mayWantClient}`);
});

test("each failure says what it is, and what to do about it", async () => {
  const { port } = await origin();
  await expect(reach(port, undefined)).rejects.toThrow("name the CA in a BackendTLSPolicy");
  await expect(reach(port, { serverName: "other.test" })).rejects.toThrow("edgeway.dev/server-name");
  await expect(reach(port, { ca: "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n" })).rejects.toThrow(
    "the backend's CA certificates cannot be read",
  );
  await expect(reach(port, { client: { certificate: client.cert, key: ca.key } })).rejects.toThrow(
    "client certificate",
  );
  const expired = await issue("mesh.test", {
    ca,
    notBeforeDate: new Date("2024-01-01"),
    notAfterDate: new Date("2024-02-01"),
    extensions: [{ name: "subjectAltName", altNames: [{ type: 2 as const, value: "mesh.test" }] }],
  });
  await expect(reach((await origin(expired)).port, {})).rejects.toThrow("has to be renewed");
  const plain = await serve(createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
  await expect(reach(plain, {})).rejects.toThrow(`TLS: wrong version number: ${hints.noTls}`);
  const old = await origin({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" });
  await expect(reach(old.port, {})).rejects.toThrow(`TLS: tlsv1 alert protocol version: ${hints.version}`);
  await expect(reach((await origin({ ALPNProtocols: ["http/1.1"] })).port, {})).rejects.toThrow(
    "does not offer HTTP/2",
  );
});

test("a policy that takes any certificate does", async () => {
  const { port } = await origin();
  await reach(port, { ca: undefined, serverName: "other.test", insecure: true });
});
