import { once } from "node:events";
import { Agent, request, type IncomingMessage, type RequestOptions } from "node:http";
import { expect, test } from "vitest";
import type { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Answer, type Body, type Handler, noBody } from "../call/http.ts";
import { listen } from "./node-listener.ts";

async function serving(handler: Handler) {
  const listener = await listen({ host: "127.0.0.1", port: 0, handlerFor: () => handler });
  return { port: listener.port, [Symbol.asyncDispose]: () => listener.close() };
}

async function get(port: number, options: RequestOptions = {}): Promise<IncomingMessage> {
  const [response] = await once(request({ port, host: "127.0.0.1", agent: false, ...options }).end(), "response");
  return (response as IncomingMessage).resume();
}

/** A body without bytes that ends with `trailers`, and why it was cancelled. */
function bodyOf(trailers: Fields) {
  const cancelled: CallError[] = [];
  const body: Body = {
    pipe: (sink) => sink.end(trailers),
    consumed() {},
    cancel: (error) => cancelled.push(error),
  };
  return { body, cancelled };
}

/** A handler of answers with `flat` in the head, and what giving them threw. */
function answering(flat: string[], body: Body) {
  const thrown: unknown[] = [];
  const handler: Handler = (_, answer) => {
    try {
      answer.respond({ head: { status: 200, fields: new Fields(flat) }, body });
    } catch (error) {
      thrown.push(error);
    }
    return () => {};
  };
  return { handler, thrown };
}

const arrow = "\u00e2\u0086\u0092";

test("octets of fields and trailers go out as they are, and what is more than octets as UTF-8", async () => {
  const values = new Fields(["x-a", arrow, "x-b", "→"]);
  const { handler } = answering(["trailer", "x-a, x-b", ...values.flat], bodyOf(values).body);
  await using edge = await serving(handler);
  const response = await get(edge.port);
  await once(response, "end");
  expect([response.headers["x-a"], response.headers["x-b"]]).toEqual([arrow, arrow]);
  expect(response.trailers).toEqual({ "x-a": arrow, "x-b": arrow });
});

test("a head that cannot be sent is the edge's error to the caller, and never thrown at who answers", async () => {
  const { body, cancelled } = bodyOf(Fields.empty);
  const { handler, thrown } = answering(["x-a", "a\nb"], body);
  await using edge = await serving(handler);
  const { statusCode, statusMessage } = await get(edge.port);
  expect([statusCode, statusMessage]).toEqual([500, "Internal Server Error"]);
  expect(cancelled.map(({ side }) => side)).toEqual(["edge"]);
  expect(thrown).toEqual([]);
});

test("trailers that cannot be sent break the answer off, and are never thrown at who answers", async () => {
  const { handler, thrown } = answering(["x-a", "1"], bodyOf(new Fields(["x-b", "a\nb"])).body);
  await using edge = await serving(handler);
  await expect(get(edge.port)).rejects.toThrow("socket hang up");
  expect(thrown).toEqual([]);
});

test("a handler that fails is a 500, and what it answers later goes nowhere", async () => {
  let later: Answer | undefined;
  await using edge = await serving((_, answer) => {
    later = answer;
    throw new Error("a defect");
  });
  using agent = Object.assign(new Agent({ keepAlive: true }), { [Symbol.dispose]: () => agent.destroy() });
  const { statusCode, headers } = await get(edge.port, { agent });
  expect([statusCode, headers.connection]).toEqual([500, "close"]);
  const { body, cancelled } = bodyOf(Fields.empty);
  later!.respond({ head: { status: 200, fields: Fields.empty }, body });
  expect(cancelled.length).toBe(1);
});

test("a handler that fails after it has answered breaks the answer off", async () => {
  await using edge = await serving((_, answer) => {
    const endless: Body = { pipe: (sink) => sink.write(Uint8Array.of(1)), consumed() {}, cancel() {} };
    answer.respond({ head: { status: 200, fields: Fields.empty }, body: endless });
    throw new Error("a defect");
  });
  await expect(get(edge.port)).rejects.toThrow("socket hang up");
});

test("a handler that fails a request for a WebSocket closes the connection", async () => {
  await using edge = await serving(() => {
    throw new Error("a defect");
  });
  const headers = { connection: "upgrade", upgrade: "websocket" };
  await expect(get(edge.port, { headers })).rejects.toThrow("socket hang up");
});

test("no octet beyond a byte ends a line of an upgrade's head", async () => {
  const { handler } = answering(["x-a", "a\u010ax-b: c"], noBody);
  await using edge = await serving(handler);
  const response = await get(edge.port, { headers: { connection: "upgrade", upgrade: "websocket" } });
  expect(response.headers["x-a"]).toBe("a\u00c4\u008ax-b: c");
  expect(response.headers["x-b"]).toBeUndefined();
});
