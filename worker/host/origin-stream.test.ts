/** What calls are told of origins that speak something else than they are said to, with real servers. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { type HttpResponse, noBody } from "../call/http.ts";
import { type Endpoint, Pool } from "../transport/pool.ts";
import { dial } from "./node-dial.ts";
import { nodeClock as clock, nodeDefer as defer } from "./node-runtime.ts";
import { hints } from "./origin-hints.ts";

const open: Server[] = [];
const pools: Pool[] = [];
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
  for (const one of open.splice(0)) one.close();
});

async function serve(server: Server): Promise<number> {
  open.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** What a call to `port` fails with, the address aside, which it names. */
async function failureAt(port: number, protocol: Endpoint["protocol"] = "http2"): Promise<string> {
  const host = "127.0.0.1";
  const endpoint = { host, port, tls: false, originTls: undefined, protocol, connectTimeoutMs: 2_000 };
  const pool = new Pool(endpoint, { dial, clock, defer, idleMs: 1_000, mayDial: () => true, onReach: () => {} });
  pools.push(pool);
  const head = { method: "GET", scheme: "http", authority: "x", path: "/", fields: Fields.empty } as const;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const respond = ({ head: { status } }: HttpResponse): void => reject(new Error(`it was answered ${status}`));
  pool.handle({ head, body: noBody }, { respond, fail: ({ message }) => resolve(message) });
  const message = await promise;
  expect(message).toContain(`${host}:${port}: `);
  return message.replace(`${host}:${port}: `, "");
}

/** Takes the first bytes, and answers by these. */
const answering = (bytes: Uint8Array | string): Server =>
  createServer((socket) => socket.on("error", () => {}).once("data", () => socket.end(bytes)));

test("an origin that speaks HTTP/1.1 where HTTP/2 is expected is said to", async () => {
  const port = await serve(createHttpServer((_, response) => response.end("page")));
  expect(await failureAt(port)).toBe(`the connection was lost: ${hints.http1}`);
});

test("an origin that answers by an alert of TLS is said to speak TLS", async () => {
  const alert = Uint8Array.of(0x15, 0x03, 0x03, 0, 2, 2, 70);
  expect(await failureAt(await serve(answering(alert)))).toBe(`the connection was lost: ${hints.tls}`);
  expect(await failureAt(await serve(answering(alert)), "http1")).toBe(`the connection was lost: ${hints.tls}`);
});

test("of an origin that closes without a word, as servers with TLS do, both are guessed", async () => {
  const port = await serve(createTlsServer({}).on("tlsClientError", () => {}));
  expect(await failureAt(port)).toBe(`the connection was lost: ${hints.silent}`);
});
