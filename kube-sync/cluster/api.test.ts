import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { ApiRequest, KubeApi } from "./api.ts";
import { ApiError, connectApi } from "./api.ts";

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const { signal } = new AbortController();

async function start(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<KubeApi> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/behind/a/path/`);
  let count = 0;
  const token = () => Promise.resolve(`token-${++count}`);
  const api = connectApi({ server: url, tls: {}, token }, { watchIdleMs: 100 });
  closers.push(() => {
    api.close();
    server.close();
    server.closeAllConnections();
  });
  return api;
}

async function eventsOf(api: KubeApi, request: ApiRequest): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of await api.watch(request)) events.push(event);
  return events;
}

test("a request has the token of the moment, its query and its body", async () => {
  const seen: unknown[] = [];
  const api = await start((request, response) => {
    const chunks: string[] = [];
    request.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      seen.push([method, url, headers.authorization, headers["content-type"], chunks.join("")]);
      response.end('{"ok":true}');
    });
  });
  expect(await api.request({ path: "/api/v1/services", query: { limit: "5", continue: "a b&c" }, signal })).toEqual({
    ok: true,
  });
  await api.request({ method: "PATCH", path: "/api/v1/x", body: { a: 1 }, signal });
  expect(seen).toEqual([
    ["GET", "/behind/a/path/api/v1/services?limit=5&continue=a+b%26c", "Bearer token-1", undefined, ""],
    ["PATCH", "/behind/a/path/api/v1/x", "Bearer token-2", "application/merge-patch+json", '{"a":1}'],
  ]);
});

test.each([
  [403, '{"kind":"Status","message":"services is forbidden"}', "services is forbidden"],
  [502, "<html>bad gateway</html>", "<html>bad gateway</html>"],
  [500, "", "HTTP status 500"],
])("an answer of status %i is an error that says why", async (status, body, message) => {
  const api = await start((_, response) => response.writeHead(status).end(body));
  const error: unknown = await api.request({ path: "/", signal }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status, message });
});

test("a watch gives its events one by one, however they are cut on the wire", async () => {
  const text = '{"type":"ADDED","object":{"name":"Grüezi"}}\n{"type":"BOOKMARK","object":{}}\n';
  const api = await start((_, response) => {
    const bytes = Buffer.from(text);
    void (async () => {
      for (let i = 0; i < bytes.length; i += 7) {
        response.write(bytes.subarray(i, i + 7));
        // oxlint-disable-next-line no-await-in-loop -- apart from the next
        await new Promise(setImmediate);
      }
      response.end();
    })();
  });
  expect(await eventsOf(api, { path: "/", signal })).toEqual([
    { type: "ADDED", object: { name: "Grüezi" } },
    { type: "BOOKMARK", object: {} },
  ]);
});

test("a watch without a word for too long is given up", async () => {
  const api = await start((_, response) => void response.writeHead(200).write('{"type":"ADDED","object":{}}\n'));
  await expect(eventsOf(api, { path: "/", signal })).rejects.toThrow("no word from the API server for 100 ms");
});

test("a watch whose connection breaks is an error, not an end", async () => {
  const api = await start((_, response) => {
    response.writeHead(200).write('{"type":"ADDED","object":{}}\n');
    setImmediate(() => response.destroy());
  });
  await expect(eventsOf(api, { path: "/", signal })).rejects.toThrow();
});
