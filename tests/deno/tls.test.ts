/** TLS to origins from Deno, with real servers: what it can do it does, and what it cannot is refused before a call is sent. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { generate } from "selfsigned";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OriginTlsSchema } from "../../proto/gen/edgeway/v1/policy_pb.js";
import { ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { hints } from "../../worker/host/origin-hints.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";

type OriginTls = MessageInitShape<typeof OriginTlsSchema>;

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Answers with the server name that it was asked for, and with whom it talks. */
let origin: Http2SecureServer;
let strict: Http2SecureServer;
/** Speaks TLS 1.1, and HTTP/1.1 without TLS. */
let old: Server;
let plain: Server;
let edge: EdgeUnderTest;

beforeAll(async () => {
  const ca = await issue("ca", { extensions: [{ name: "basicConstraints", cA: true }] });
  const altNames = [
    { type: 2 as const, value: "mesh.test" },
    { type: 2 as const, value: "localhost" },
  ];
  const server = await issue("mesh.test", { ca, extensions: [{ name: "subjectAltName", altNames }] });
  const client = await issue("edge", { ca });
  origin = await serve({ ...server });
  strict = await serve({ ...server, requestCert: true, ca: ca.cert });
  old = createTlsServer({ ...server, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" });
  plain = createHttpServer((_, response) => response.end("page"));
  for (const one of [old, plain]) await once(one.listen(0, "127.0.0.1"), "listening");
  const clientPair = { clientCertificate: client.cert, clientKey: client.key };
  edge = await edges["deno"]!(
    tableOf({
      "no-ca": [origin, {}],
      ca: [origin, { caCertificates: ca.cert }],
      renamed: [origin, { caCertificates: ca.cert, serverName: "mesh.test" }],
      "other-name": [origin, { caCertificates: ca.cert, serverName: "other.test" }],
      client: [strict, { caCertificates: ca.cert, ...clientPair }],
      "no-client": [strict, { caCertificates: ca.cert }],
      "client-renamed": [strict, { caCertificates: ca.cert, serverName: "mesh.test", ...clientPair }],
      sans: [origin, { caCertificates: ca.cert, subjectAltNames: ["mesh.test"] }],
      insecure: [origin, { insecure: true }],
      old: [old, { caCertificates: ca.cert }],
      plain: [plain, {}],
      "plain-http2": [plain, undefined],
      "tls-http2": [origin, undefined],
    }),
    undefined,
  );
}, 60_000);

afterAll(async () => {
  await edge.close();
  origin.close();
  strict.close();
  old.close();
  plain.close();
});

async function issue(name: string, options: object): Promise<Pair> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ...options,
  });
  return { cert: made.cert, key: made.private };
}

async function serve(options: object): Promise<Http2SecureServer> {
  const server = createSecureServer(options, (request, response) => {
    const socket = request.socket as TLSSocket;
    const peer = (socket.getPeerCertificate()?.subject?.CN as string | undefined) ?? "nobody";
    response.end(`${String(socket.servername)} to ${peer}`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** `/NAME` goes to a backend with that TLS, or with none. */
function tableOf(backends: Readonly<Record<string, readonly [Server, OriginTls | undefined]>>) {
  const all = Object.entries(backends);
  const source = { kind: "HTTPRoute", namespace: "default", name: "tls" };
  return create(ClusterTableSchema, {
    cluster: "tls",
    routes: [
      {
        key: "HTTPRoute/default/tls",
        source,
        rules: all.map(([name]) => ({
          matches: [{ path: { case: "exactPath" as const, value: `/${name}` } }],
          backends: [{ target: { case: "backend" as const, value: `default/${name}:443` }, weight: 1 }],
        })),
      },
    ],
    backends: all.map(([name, [server, originTls]]) => ({
      key: `default/${name}:443`,
      source: { kind: "Service", namespace: "default", name },
      protocol: OriginProtocol.HTTP2,
      http2: true,
      tls: originTls !== undefined,
      ...(originTls && { originTls }),
      endpoints: [{ host: "localhost", port: (server.address() as AddressInfo).port }],
    })),
  });
}

const ask = async (name: string): Promise<string> => (await fetch(`http://127.0.0.1:${edge.port}/${name}`)).text();

test.each([
  ["ca", "localhost to nobody"],
  ["renamed", "mesh.test to nobody"],
  ["client", "localhost to edge"],
])("an origin that asks for %s is reached", async (name, said) => {
  expect(await ask(name)).toBe(said);
});

test.each([
  ["no-ca", "its issuer is not trusted; name the CA"],
  ["other-name", "set the hostname of its BackendTLSPolicy"],
  ["no-client", `TLS: received fatal alert: CertificateRequired: ${hints.wantsClient}`],
  ["old", `TLS: received fatal alert: ProtocolVersion: ${hints.version}`],
  ["plain", `InvalidContentType: ${hints.noTls}`],
  ["plain-http2", hints.http1],
  ["tls-http2", hints.silent],
  ["client-renamed", "a client certificate together with a server name that is not its address, which Deno cannot do"],
  ["sans", "names the subjectAltNames that its certificate may have, which Deno cannot do: Edgeway on Node can"],
  ["insecure", "takes any certificate, which Deno cannot do: Edgeway on Node can"],
])("%s: the answer says what is wrong", async (name, reason) => {
  expect(await ask(name)).toContain(reason);
});
