import { describe, expect, test } from "vitest";
import type { ByteStream } from "../call/byte-stream.ts";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import type { Answer, HttpResponse } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { ascii, data, goAway, headers, ok, settings, settingsAck } from "../http2/testing/frames.ts";
import { ManualClock, Peer, TestBody } from "../http2/testing/scripted-peer.ts";
import { type Endpoint, Pool } from "./pool.ts";

const endpoint: Endpoint = {
  host: "10.0.0.1",
  port: 50051,
  tls: false,
  originTls: undefined,
  protocol: "http2",
  connectTimeoutMs: 5_000,
};
const maxConcurrentStreams = 3;

/** A call through a pool, and what became of it. */
class Call implements Answer {
  readonly body = new TestBody();
  answered = false;
  failure: CallError | undefined;
  /** Why the answer broke off. */
  broken: CallError | undefined;
  readonly cancel: (reason: CallError) => void;

  constructor(pool: Pool) {
    const head = { method: "POST", scheme: "http", authority: "x", path: "/", fields: Fields.empty } as const;
    this.cancel = pool.handle({ head, body: this.body }, this);
  }

  respond({ body }: HttpResponse): void {
    this.answered = true;
    body.pipe({ write() {}, end() {}, fail: (error) => (this.broken = error) });
  }

  fail(error: CallError): void {
    if (this.failure !== undefined || this.answered) throw new Error("answered twice");
    this.failure = error;
  }
}

/** A pool whose connections open, or fail to, when the test says so. */
class Origin {
  readonly clock = new ManualClock();
  readonly dials: PromiseWithResolvers<ByteStream>[] = [];
  readonly pool: Pool;

  constructor(protocol: Endpoint["protocol"] = "http2") {
    this.pool = new Pool(
      { ...endpoint, protocol },
      {
        clock: this.clock,
        defer: (flush) => flush(),
        idleMs: 30_000,
        mayDial: () => true,
        onReach: () => {},
        dial: () => {
          const dial = Promise.withResolvers<ByteStream>();
          this.dials.push(dial);
          return dial.promise;
        },
      },
    );
  }

  call(): Call {
    return new Call(this.pool);
  }

  /** Lets the connection that was dialled as number `index` open, to a peer that takes `concurrent` calls at once. */
  async open(index: number, concurrent = maxConcurrentStreams): Promise<Peer> {
    const peer = new Peer();
    this.dials[index]!.resolve(peer.wire);
    await turn();
    peer.send(settings([3, concurrent]), settingsAck);
    peer.received();
    return peer;
  }
}

const turn = () => new Promise(setImmediate);
const cancelled = new CallError(Code.CANCELLED, "enough", { side: "caller" });

test("calls that arrive while the connection opens share it", async () => {
  const origin = new Origin();
  const calls = [origin.call(), origin.call()];
  expect(origin.dials).toHaveLength(1);
  const peer = await origin.open(0);
  peer.send(headers(1, ok, { end: true }), headers(3, ok, { end: true }));
  expect(calls.map(({ answered }) => answered)).toEqual([true, true]);
  origin.call();
  expect(origin.dials).toHaveLength(1);
});

test("a connection that cannot be opened fails those who wait, and the next call tries again", async () => {
  const origin = new Origin();
  const calls = [origin.call(), origin.call()];
  origin.dials[0]!.reject(new Error("connection refused"));
  await turn();
  for (const { failure, body } of calls) {
    expect(failure).toMatchObject({ code: Code.UNAVAILABLE, side: "origin", unprocessed: true });
    expect(failure!.message).toBe("10.0.0.1:50051: cannot connect: connection refused");
    expect(body.cancelledWith).toBeDefined();
  }
  const next = origin.call();
  expect(origin.dials).toHaveLength(2);
  const peer = await origin.open(1);
  peer.send(headers(1, ok, { end: true }));
  expect(next.answered).toBe(true);
});

test("a connection that takes longer than five seconds fails those who wait, and is closed when it opens after all", async () => {
  const origin = new Origin();
  const call = origin.call();
  origin.clock.advance(4_999);
  expect(call.failure).toBeUndefined();
  origin.clock.advance(1);
  expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE, message: expect.stringContaining("within 5 s") });
  const { wire } = new Peer();
  origin.dials[0]!.resolve(wire);
  await turn();
  expect(wire.destroyed).toBe(true);
});

describe("of several connections that are being opened", () => {
  async function dialled(calls: number) {
    const origin = new Origin("http1");
    const all = Array.from({ length: calls }, () => origin.call());
    expect(origin.dials).toHaveLength(calls);
    const refuse = async (index: number): Promise<void> => {
      origin.dials[index]!.reject(new Error("connection refused"));
      await turn();
    };
    return { origin, all, refuse, failed: () => all.map(({ failure }) => failure !== undefined) };
  }

  test("the last that cannot be opened fails those who wait", async () => {
    const { origin, refuse, failed } = await dialled(3);
    await refuse(0);
    await refuse(2);
    expect(failed()).toEqual([false, false, false]);
    expect(origin.pool.reachable).toBe(true);
    await refuse(1);
    expect(failed()).toEqual([true, true, true]);
    expect(origin.pool.reachable).toBe(false);
  });

  test("one that opens takes them, and the others are opened anew", async () => {
    const { origin, all, refuse, failed } = await dialled(2);
    await refuse(0);
    const { wire } = new Peer();
    origin.dials[1]!.resolve(wire);
    await turn();
    wire.events!.data(ascii("HTTP/1.1 200 OK\r\n\r\n"));
    expect(all.map(({ answered }) => answered)).toEqual([true, false]);
    expect(origin.dials).toHaveLength(3);
    wire.events!.close();
    await refuse(2);
    expect(failed()).toEqual([false, true]);
  });

  test("those begun for later calls do not keep the earlier ones waiting", async () => {
    const origin = new Origin("http1");
    const calls: Call[] = [];
    for (let second = 0; second < 20; second++) {
      calls.push(origin.call());
      origin.clock.advance(1_000);
    }
    const failures = calls.map(({ failure }) => failure?.message.includes("within 5 s") === true);
    expect(failures.slice(0, 10)).toEqual(Array(10).fill(true));
  });
});

test("a call that is cancelled while it waits is not sent, and hears nothing more", async () => {
  const origin = new Origin();
  const [first, second] = [origin.call(), origin.call()];
  first.cancel(cancelled);
  expect(first.body.cancelledWith).toBe(cancelled);
  const peer = await origin.open(0);
  peer.send(headers(1, ok, { end: true }));
  expect(second.answered).toBe(true);
  expect(first).toMatchObject({ answered: false, failure: undefined });
});

test("calls beyond what a connection takes open another", async () => {
  const origin = new Origin();
  origin.call();
  await origin.open(0, 2);
  origin.call();
  expect(origin.dials).toHaveLength(1);
  const third = origin.call();
  expect(origin.dials).toHaveLength(2);
  const peer = await origin.open(1, 2);
  peer.send(headers(1, ok, { end: true }));
  expect(third.answered).toBe(true);
});

test("a call that no second connection can be had for waits for room on the first", async () => {
  const origin = new Origin();
  const first = origin.call();
  const peer = await origin.open(0, 1);
  const second = origin.call();
  origin.dials[1]!.reject(new Error("connection refused"));
  await turn();
  expect(second.failure).toBeUndefined();
  peer.send(headers(1, ok, { end: true }));
  first.body.end();
  peer.received();
  peer.send(headers(3, ok, { end: true }));
  expect([first.answered, second.answered]).toEqual([true, true]);
});

test("a connection that goes away gets no new calls, and is replaced when one comes", async () => {
  const origin = new Origin();
  const first = origin.call();
  const peer = await origin.open(0);
  peer.send(goAway(1));
  const second = origin.call();
  expect(origin.dials).toHaveLength(2);
  peer.send(headers(1, ok, { end: true }));
  expect(first.answered).toBe(true);
  const next = await origin.open(1);
  next.send(headers(1, ok, { end: true }));
  expect(second.answered).toBe(true);
});

describe("a connection that goes away with a call under way", () => {
  async function drained() {
    const origin = new Origin();
    const call = origin.call();
    const peer = await origin.open(0);
    peer.send(headers(1, ok), goAway(1));
    return { origin, pool: origin.pool, call, peer };
  }

  test("counts until the call has ended", async () => {
    const { pool, peer } = await drained();
    expect(pool).toMatchObject({ load: 1, connections: 1, usable: 0, idle: false });
    peer.send(data(1, "", { end: true }));
    expect(pool).toMatchObject({ load: 0, connections: 0, idle: true });
  });

  test("is in doubt like others: it is asked, and lost if it does not answer", async () => {
    const { origin, pool, call } = await drained();
    pool.doubt();
    expect(pool.reachable).toBe(false);
    origin.clock.advance(2_000);
    expect(call.broken).toMatchObject({ message: "no answer to a PING within 2000 ms" });
    expect(pool.connections).toBe(0);
  });

  test("is closed with the pool", async () => {
    const { pool, call, peer } = await drained();
    pool.close();
    expect(call.broken).toMatchObject({ code: Code.UNAVAILABLE });
    expect(peer.wire.ended).toBe(true);
  });

  test("takes no place that another one needs", async () => {
    const origin = new Origin();
    for (let i = 0; i < 10; i++) {
      const call = origin.call();
      // oxlint-disable-next-line no-await-in-loop -- one connection after the other
      (await origin.open(i)).send(headers(1, ok), goAway(1));
      expect(call.answered).toBe(true);
    }
    expect(origin.pool).toMatchObject({ load: 10, connections: 10, usable: 0 });
  });
});

test("ten thousand calls may wait; one more is RESOURCE_EXHAUSTED at once", () => {
  const origin = new Origin();
  const waiting = Array.from({ length: 10_000 }, () => origin.call());
  expect(waiting.every(({ failure }) => failure === undefined)).toBe(true);
  expect(origin.call().failure).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
});
