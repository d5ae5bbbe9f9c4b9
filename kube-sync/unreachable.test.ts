/** What an agent is told of an edge that it cannot push to, with real servers. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";
import { generate } from "selfsigned";
import { afterEach, expect, test } from "vitest";
import { ClusterTableSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { connectEdge, Pusher, type Token } from "./push.ts";

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

const answer: RequestListener = (_, response) => void response.writeHead(404).end("nothing here");
const clear = () => createHttpServer(answer);
const certified = async () => {
  const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], { algorithm: "sha256" });
  return createHttpsServer({ cert, key }, answer);
};
const uncertified = () => createHttpsServer({}, answer);
const deaf = () => createServer((socket) => socket.destroy());
const noRoute = () =>
  createHttpServer((_, response) => {
    const body = JSON.stringify({ code: "unimplemented", message: "no route for x" });
    response.writeHead(404, { "content-type": "application/json" }).end(body);
  });

async function reasonAt(scheme: string, server: Server, token: Token = "secret"): Promise<string> {
  open.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `${scheme}://localhost:${(server.address() as AddressInfo).port}`;
  const table = create(ClusterTableSchema, { cluster: "east" });
  const outcome = await new Pusher(connectEdge(url, token)).push(table);
  return outcome.kind === "failed" ? outcome.reason : outcome.kind;
}

const closed = "the connection was closed without an answer; if the edge speaks TLS there, use https://";

test.each([
  ["http", "a port of TLS", certified, closed],
  ["http", "what closes each connection", deaf, closed],
  ["https", "a clear port", clear, "it does not speak TLS: use http://, or the port where it does"],
  [
    "https",
    "what closes each connection",
    deaf,
    "the connection was closed before TLS began; if the edge does not speak TLS there, use http://",
  ],
  [
    "https",
    "an edge without any certificate",
    uncertified,
    "it refuses TLS for this name: it may have no certificate for it",
  ],
  [
    "https",
    "an edge whose issuer is not trusted",
    certified,
    "the issuer of its certificate is not trusted: name a file with the CA (PEM) by the variable NODE_EXTRA_CA_CERTS",
  ],
  [
    "http",
    "the port of calls, where the admin's is another",
    noRoute,
    "there is no sync service (no route for x): is this the edge's admin address?",
  ],
  ["http", "another server", clear, "there is no sync service (HTTP 404): is this the edge's admin address?"],
])("a push by %s:// to %s says what to do", async (scheme, _, server, reason) => {
  expect(await reasonAt(scheme, await server())).toBe(reason);
});

test("an edge that is down, or has another name, is said in the same words each time", async () => {
  for (const [url, reason] of [
    ["http://127.0.0.1:1", "nothing listens there (ECONNREFUSED)"],
    ["http://nowhere.invalid", expect.stringMatching(/^its name /)],
  ] as const) {
    const table = create(ClusterTableSchema, { cluster: "east" });
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await new Pusher(connectEdge(url, "secret")).push(table)).toEqual({ kind: "failed", reason });
  }
});

test("a token that cannot be read is no fault of the edge's, and is said as it is", async () => {
  const token = () => Promise.reject(new Error("cannot read /etc/token"));
  expect(await reasonAt("http", clear(), token)).toBe("cannot read /etc/token");
});

test("a token that the edge refuses is said to be the agent's", async () => {
  const client = {
    status: () => Promise.reject(new Error("not asked")),
    push: () => Promise.reject(new ConnectError("the token has expired", Code.Unauthenticated)),
  };
  const outcome = await new Pusher(client).push(create(ClusterTableSchema, { cluster: "east" }));
  expect(outcome).toEqual({ kind: "failed", reason: "the agent's token is refused: the token has expired" });
});
