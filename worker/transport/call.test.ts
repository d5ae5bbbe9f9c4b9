import { describe, expect, test } from "vitest";
import type { Retry } from "../../routes/policies.ts";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { data, goAway, headers, ok, rst } from "../http2/testing/frames.ts";
import { TestBody } from "../http2/testing/scripted-peer.ts";
import { ErrorCode } from "../http2/error.ts";
import { echo } from "./backend.fixture.ts";
import { bodyOf, World } from "./origins.fixture.ts";

const [one, two] = ["10.0.0.1", "10.0.0.2"];

const onUnavailable: Retry = {
  attempts: 2,
  grpcCodes: [Code.UNAVAILABLE],
  httpStatuses: [503],
  onReset: false,
  backoffMs: 100,
  maxBackoffMs: 1000,
};

describe("a call that no origin has begun to process", () => {
  test("goes to another endpoint where the first cannot be connected to", async () => {
    const world = new World();
    world.down.add(one);
    const call = await world.call({}, { body: bodyOf("hello") });
    expect(call.sentTo).toEqual([one, two]);
    expect(world.sent(two).at(-1)).toContain('"hello"');
    world.answer(two, 1, 0);
    expect(call.status).toBe("0");
  });

  test("fails as one that cannot be connected when that is true of all, having asked each once", async () => {
    const world = new World();
    world.down.add(one).add(two);
    const body = new TestBody();
    const call = await world.call({}, { body });
    expect(call.sentTo).toEqual([one, two]);
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE, side: "origin" });
    expect(body.cancelledWith).toBe(call.failure);
  });

  test("is sent again, body and all, when the origin goes away without it", async () => {
    const world = new World();
    const call = await world.call({}, { body: bodyOf("he", "llo") });
    expect(call.sentTo).toEqual([one]);
    world.peer(one).send(goAway(0));
    await world.turn();
    expect(call.sentTo).toEqual([one, two]);
    expect(world.sent(two).slice(1)).toEqual(['DATA 1 END "hello"']);
    world.answer(two, 1, 0);
    expect(call.status).toBe("0");
  });

  test("is sent again when the origin refuses the stream, and not for ever", async () => {
    const world = new World();
    const call = await world.call();
    for (let i = 0; i < 10; i++) {
      for (const host of [one, two]) {
        for (const line of world.peers.has(host) ? world.sent(host) : []) {
          const id = Number(/^HEADERS (\d+)/.exec(line)?.[1]);
          if (id > 0) world.peer(host).send(rst(id, ErrorCode.REFUSED_STREAM));
        }
      }
      // oxlint-disable-next-line no-await-in-loop -- one turn after the other
      await world.turn();
    }
    expect(call.sentTo).toHaveLength(6);
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE, unprocessed: true });
  });

  test("is not sent again once it may have been: a connection that is lost fails it", async () => {
    const world = new World();
    const call = await world.call({}, { body: bodyOf("hello") });
    world.peer(one).leave(new Error("ECONNRESET"));
    await world.turn();
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE });
    expect(call.sentTo).toEqual([one]);
  });
});

describe("plain HTTP", () => {
  const get = { method: "GET", scheme: "http", authority: "x.test", path: "/", fields: Fields.empty } as const;

  test("that only asks is asked once more when its connection breaks, and not twice", async () => {
    const world = new World();
    const call = await world.call({}, { head: get });
    world.peer(one).leave(new Error("ECONNRESET"));
    await world.advance(0);
    expect(call.sentTo).toEqual([one, two]);
    expect(world.sent(two)[0]).not.toContain("grpc-previous-rpc-attempts");
    world.peer(two).leave(new Error("ECONNRESET"));
    await world.advance(0);
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE });
  });

  test("that changes something is not", async () => {
    const world = new World();
    const call = await world.call({}, { head: { ...get, method: "DELETE" } });
    world.peer(one).leave(new Error("ECONNRESET"));
    await world.advance(0);
    expect(call).toMatchObject({ sentTo: [one], failure: { code: Code.UNAVAILABLE } });
  });

  test("is tried again after a status that the rule names", async () => {
    const world = new World();
    const call = await world.call({ retry: onUnavailable }, { head: { ...get, method: "POST" }, body: bodyOf("x") });
    world.peer(one).send(headers(1, [[":status", "503"]]), data(1, "busy", { end: true }));
    await world.advance(100);
    expect(call.sentTo).toEqual([one, two]);
    world.peer(two).send(headers(1, [[":status", "404"]]), data(1, "none", { end: true }));
    expect(call.response!.head.status).toBe(404);
    expect(call.sink.text).toBe("none");
  });
});

describe("a rule's retries", () => {
  test("come after an answer of a code that the rule names, with what is left of the deadline", async () => {
    const world = new World();
    const call = await world.call({ retry: onUnavailable }, { body: bodyOf("x"), deadline: 1000 });
    await world.advance(300);
    world.chance = [0.5];
    world.answer(one, 1, Code.UNAVAILABLE);
    await world.advance(49);
    expect(call.sentTo).toEqual([one]);
    await world.advance(1);
    expect(call.sentTo).toEqual([one, two]);
    const [head, body] = world.sent(two);
    expect(head).toContain("grpc-timeout=650m");
    expect(head).toContain("grpc-previous-rpc-attempts=1");
    expect(body).toBe('DATA 1 END "x"');
    world.answer(two, 1, 0);
    expect(call.status).toBe("0");
  });

  test("end with the attempts: the last answer is the caller's", async () => {
    const world = new World();
    const call = await world.call({ retry: onUnavailable });
    world.answer(one, 1, Code.UNAVAILABLE);
    await world.advance(100);
    world.answer(two, 1, Code.UNAVAILABLE);
    await world.advance(200);
    expect(call.response).toBeUndefined();
    world.answer(one, 3, Code.UNAVAILABLE, [["grpc-message", "enough"]]);
    expect(call.response!.head.fields.get("grpc-message")).toBe("enough");
    expect(call.sentTo).toHaveLength(3);
  });

  test("are not for other codes", async () => {
    const world = new World();
    const call = await world.call({ retry: onUnavailable });
    world.answer(one, 1, Code.NOT_FOUND);
    expect(call.status).toBe(String(Code.NOT_FOUND));
  });

  test("are not for an answer that has begun", async () => {
    const world = new World();
    const call = await world.call({ retry: { ...onUnavailable, onReset: true } });
    world.peer(one).send(headers(1, [...ok, ["content-type", "application/grpc"]]), rst(1, ErrorCode.INTERNAL_ERROR));
    await world.advance(1000);
    expect(call.sink.failure).toBeDefined();
    expect(call.sentTo).toEqual([one]);
  });

  test("are for a broken stream where the rule says so", async () => {
    const world = new World();
    const call = await world.call({ retry: { ...onUnavailable, onReset: true } });
    world.peer(one).send(rst(1, ErrorCode.INTERNAL_ERROR));
    await world.advance(100);
    expect(call.sentTo).toEqual([one, two]);
  });

  test("are not for a request that is too long to be kept", async () => {
    const world = new World();
    const long = "x".repeat(16_000);
    const call = await world.call({ retry: onUnavailable }, { body: bodyOf(long, long, long, long, long) });
    world.answer(one, 1, Code.UNAVAILABLE);
    expect(call.status).toBe(String(Code.UNAVAILABLE));
  });

  test("wait as long as the origin says", async () => {
    const world = new World();
    const call = await world.call({ retry: onUnavailable });
    world.answer(one, 1, Code.UNAVAILABLE, [["grpc-retry-pushback-ms", "5000"]]);
    await world.advance(4_999);
    expect(call.sentTo).toHaveLength(1);
    await world.advance(1);
    expect(call.sentTo).toHaveLength(2);
  });

  test.each(["-1", "soon"])("never come where the origin says %s", async (pushback) => {
    const world = new World();
    const call = await world.call({ retry: onUnavailable });
    world.answer(one, 1, Code.UNAVAILABLE, [["grpc-retry-pushback-ms", pushback]]);
    expect(call.status).toBe(String(Code.UNAVAILABLE));
  });

  test("are not begun when the deadline would be over", async () => {
    const world = new World();
    const call = await world.call({ retry: onUnavailable }, { deadline: 90 });
    world.chance = [0.99];
    world.answer(one, 1, Code.UNAVAILABLE);
    expect(call.status).toBe(String(Code.UNAVAILABLE));
  });

  test("stay within a fifth of the calls when all of them fail, a thousand a second", async () => {
    const world = new World();
    let attempts = 0;
    const calls = 5000;
    for (let i = 0; i < calls; i++) {
      // oxlint-disable no-await-in-loop -- one call after the other
      const call = await world.call({ retry: { ...onUnavailable, backoffMs: 0, attempts: 5 } });
      while (call.response === undefined) {
        const host = call.sentTo.at(-1)!;
        const line = world.sent(host).findLast((sentLine) => sentLine.startsWith("HEADERS"))!;
        world.answer(host, Number(line.split(" ")[1]), Code.UNAVAILABLE);
        await world.advance(1);
      }
      attempts += call.sentTo.length;
    }
    console.log(`attempts per call in a total outage: ${(attempts / calls).toFixed(3)}`);
    expect(attempts / calls).toBeLessThan(1.25);
  });

  test("that wait are forgotten when the caller leaves", async () => {
    const world = new World();
    const body = new TestBody();
    const call = await world.call({ retry: onUnavailable }, { body });
    world.chance = [0.9];
    world.answer(one, 1, Code.UNAVAILABLE);
    const left = new CallError(Code.CANCELLED, "the caller left", { side: "caller" });
    call.cancel(left);
    await world.advance(1000);
    expect(call.sentTo).toEqual([one]);
    expect(body.cancelledWith).toBe(left);
    expect(call).toMatchObject({ response: undefined, failure: undefined });
  });
});

describe("an attempt that takes longer than it may", () => {
  const timeouts = { requestMs: undefined, backendRequestMs: 200, idleMs: undefined };

  test("is DEADLINE_EXCEEDED, by the endpoint's name", async () => {
    const world = new World();
    const call = await world.call({ timeouts });
    await world.advance(200);
    expect(call.failure).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    expect(call.failure!.message).toContain("10.0.0.1:50051: no answer within 200 ms");
    expect(world.sent(one).at(-1)).toBe("RST_STREAM 1 CANCEL");
  });

  test("is followed by another where the rule retries what breaks", async () => {
    const world = new World();
    const call = await world.call({ timeouts, retry: { ...onUnavailable, onReset: true } });
    await world.advance(200);
    await world.advance(100);
    world.answer(two, 1, 0);
    expect(call.status).toBe("0");
  });
});

describe("hedging", () => {
  const hedging = { attempts: 1, delayMs: 50 };

  test("asks another endpoint when the answer is late; the first answer counts, and the other is not waited for", async () => {
    const world = new World();
    const call = await world.call({ hedging }, { body: bodyOf("x") });
    await world.advance(49);
    expect(call.sentTo).toEqual([one]);
    await world.advance(1);
    expect(call.sentTo).toEqual([one, two]);
    expect(world.sent(two).at(-1)).toBe('DATA 1 END "x"');
    world.answer(two, 1, 0);
    expect(call.status).toBe("0");
    expect(world.sent(one).at(-1)).toBe("RST_STREAM 1 CANCEL");
    await world.advance(1000);
    expect(call.sentTo).toHaveLength(2);
  });

  test("does not ask again when the answer is in time", async () => {
    const world = new World();
    const call = await world.call({ hedging });
    world.answer(one, 1, 0);
    await world.advance(1000);
    expect(call.sentTo).toEqual([one]);
  });

  describe("while a retry is due", () => {
    const three = [one, two, "10.0.0.3"];
    const targets = [{ ...echo, endpoints: three.map((host) => ({ host, port: 50051 })) }];
    const retry = { ...onUnavailable, backoffMs: 1000 };

    /** Two attempts are under way, and one of them is answered: 500 ms later there is another. */
    async function due(body = bodyOf("x")) {
      const world = new World();
      world.chance = Array<number>(100).fill(0.5);
      const call = await world.call({ targets, retry, hedging }, { body });
      await world.advance(50);
      const [first, second] = call.sentTo;
      world.answer(first!, 1, Code.UNAVAILABLE);
      await world.advance(499);
      return { world, call, second: second!, third: three.find((host) => !call.sentTo.includes(host))! };
    }

    async function expectRetried({ world, call, third }: Awaited<ReturnType<typeof due>>) {
      expect(call).toMatchObject({ response: undefined, failure: undefined });
      expect(call.sentTo).toHaveLength(2);
      await world.advance(1);
      expect(call.sentTo.at(-1)).toBe(third);
      world.answer(third, 1, 0);
      expect(call.status).toBe("0");
    }

    test("an answer of the other attempt that the rule retries does not end the call", async () => {
      const asked = await due();
      asked.world.answer(asked.second, 1, Code.UNAVAILABLE);
      await expectRetried(asked);
    });

    test("the other's broken connection does not", async () => {
      const asked = await due();
      asked.world.peer(asked.second).send(rst(1, ErrorCode.INTERNAL_ERROR));
      await expectRetried(asked);
    });

    test("the other's good answer does, and there is no retry", async () => {
      const { world, call, second } = await due();
      world.answer(second, 1, 0);
      expect(call.status).toBe("0");
      await world.advance(1000);
      expect(call.sentTo).toHaveLength(2);
    });

    test("a request that gets too long to be kept leaves it to the other", async () => {
      const body = new TestBody();
      const { world, call, second } = await due(body);
      for (let i = 0; i < 5; i++) body.write("x".repeat(16_000));
      await world.advance(1000);
      expect(call.sentTo).toHaveLength(2);
      world.answer(second, 1, Code.UNAVAILABLE);
      expect(call.status).toBe(String(Code.UNAVAILABLE));
    });

    test("the caller's body that breaks off does", async () => {
      const body = new TestBody();
      const { call } = await due(body);
      const gone = new CallError(Code.CANCELLED, "the caller left", { side: "caller" });
      body.fail(gone);
      expect(call.failure).toBe(gone);
    });
  });

  test("ends with the first attempt alone when the request gets too long to be kept", async () => {
    const world = new World();
    const body = new TestBody();
    const call = await world.call({ hedging }, { body });
    await world.advance(50);
    expect(call.sentTo).toEqual([one, two]);
    for (let i = 0; i < 5; i++) body.write("x".repeat(16_000));
    expect(world.sent(two).at(-1)).toBe("RST_STREAM 1 CANCEL");
    body.end();
    world.peer(one).send(headers(1, [...ok, ["content-type", "application/grpc"]]), data(1, "y"));
    world.peer(one).send(headers(1, [["grpc-status", "0"]], { end: true }));
    expect(call.status).toBe("0");
    expect(body.credit).toBeGreaterThan(60_000);
  });
});

describe("a circuit breaker", () => {
  const limited = (limits: object) => ({
    targets: [
      { ...echo, circuitBreaker: { maxCalls: Infinity, maxPending: Infinity, maxConnections: Infinity, ...limits } },
    ],
  });

  test("answers RESOURCE_EXHAUSTED, 503, to calls beyond its number, and takes the next when one has ended", async () => {
    const world = new World();
    const routing = limited({ maxCalls: 2 });
    const calls = [await world.call(routing), await world.call(routing)];
    expect(calls.flatMap(({ sentTo }) => sentTo)).toHaveLength(2);
    const third = await world.call(routing);
    expect(third.failure).toMatchObject({ code: Code.RESOURCE_EXHAUSTED, httpStatus: 503 });
    world.answer(calls[0]!.sentTo[0]!, 1, 0);
    expect((await world.call(routing)).failure).toBeUndefined();
  });

  test("limits those that wait for a connection", async () => {
    const world = new World();
    world.silent.add(one).add(two);
    const routing = limited({ maxPending: 1 });
    const first = await world.call(routing);
    const second = await world.call(routing);
    expect(first.failure).toBeUndefined();
    expect(second.failure).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
  });

  test("counts calls on connections that go away", async () => {
    const world = new World();
    const routing = limited({ maxCalls: 1 });
    const first = await world.call(routing);
    world.peer(first.sentTo[0]!).send(headers(1, ok), goAway(1));
    expect((await world.call(routing)).failure).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    world.peer(first.sentTo[0]!).send(data(1, "", { end: true }));
    expect((await world.call(routing)).failure).toBeUndefined();
  });

  test("counts connections that go away, and leaves calls one to go on with", async () => {
    const world = new World();
    const routing = limited({ maxConnections: 2 });
    for (let i = 0; i < 4; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      const { sentTo, failure } = await world.call(routing);
      expect(failure).toBeUndefined();
      world.peer(sentTo[0]!).send(headers(1, ok), goAway(1));
    }
    for (let i = 0; i < 10; i++) {
      world.chance = [i / 10, 0.5];
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      expect((await world.call(routing)).failure).toBeUndefined();
    }
    expect(world.dials).toHaveLength(5);
  });

  test("limits connections", async () => {
    const world = new World();
    const endpoints = Array.from({ length: 20 }, (_, host) => ({ host: `10.3.0.${host}`, port: 1 }));
    const routing = { targets: [{ ...limited({ maxConnections: 1 }).targets[0]!, endpoints }] };
    for (let i = 0; i < 20; i++) {
      world.chance = [i / 20, 0.5];
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      expect((await world.call(routing)).failure).toBeUndefined();
    }
    expect(world.dials).toHaveLength(1);
  });
});

describe("a session", () => {
  const session = {
    carrier: "cookie",
    name: "edge",
    endpoint: undefined,
    suffix: ".k1",
    attributes: "; Path=/",
  } as const;

  test("begins with a cookie that names the endpoint, and goes on there", async () => {
    const world = new World();
    world.chance = [0.5];
    const first = await world.call({ session });
    world.answer(first.sentTo[0]!, 1, 0);
    const cookie = first.response!.head.fields.get("set-cookie")!;
    expect(cookie).toMatch(/^edge=[0-9a-f]{16}\.k1; Path=\/$/);
    const again = { ...session, endpoint: cookie.slice(5, 21) };
    for (let i = 0; i < 10; i++) {
      world.chance = [i / 10];
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      const call = await world.call({ session: again });
      expect(call.sentTo).toEqual(first.sentTo);
    }
  });

  test("goes on elsewhere when the endpoint cannot be connected to", async () => {
    const world = new World();
    const first = await world.call({ session });
    world.answer(one, 1, 0);
    const id = first.response!.head.fields.get("set-cookie")!.slice(5, 21);
    world.peer(one).leave();
    world.down.add(one);
    const call = await world.call({ session: { ...session, endpoint: id } });
    world.answer(two, 1, 0);
    expect(call.response!.head.fields.get("set-cookie")).toBeDefined();
    expect(call.response!.head.fields.get("set-cookie")).not.toContain(id);
  });
});
