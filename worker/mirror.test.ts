import { describe, expect, test } from "vitest";
import { CallError } from "./call/error.ts";
import { Fields } from "./call/fields.ts";
import { type Answer, type Body, type HttpResponse, noBody } from "./call/http.ts";
import { Code } from "./call/status.ts";
import { exchange } from "./exchange.ts";
import { headers, ok } from "./http2/testing/frames.ts";
import { TestBody, TestSink } from "./http2/testing/scripted-peer.ts";
import type { Plan } from "./plan.ts";
import { elsewhere, toEcho, World } from "./transport/origins.fixture.ts";

const [origin, mirror] = ["10.0.0.1", "10.9.9.9"];

const plan: Plan = {
  ...toEcho,
  caller: { protocol: "http", bodiless: false },
  rule: { cluster: "east", kind: "HTTPRoute", namespace: "default", name: "echo", ruleIndex: 0 },
  revision: "1",
  backend: "east/default/echo:50051",
  originProtocol: "grpc",
  targets: [elsewhere("east", origin)],
  head: { method: "POST", scheme: "http", authority: "x.test", path: "/a", fields: Fields.empty },
  timeoutMs: undefined,
  responseHeaders: [],
  responseTrailers: [],
  mirrors: [elsewhere("west", mirror)],
  cors: undefined,
  translation: undefined,
};
const left = new CallError(Code.CANCELLED, "the caller went away", { side: "caller" });
const chunk = new Uint8Array(64 * 1024);

/** A call that has a mirror, and what became of it. */
class Call implements Answer {
  readonly sink = new TestSink();
  response: HttpResponse | undefined;
  readonly cancel: (reason: CallError) => void;

  constructor(world: World, init: Partial<Plan> = {}, body: Body = noBody) {
    const { clock, origins } = world;
    const options = { clock, send: origins.send, idleMs: undefined };
    this.cancel = exchange({ ...plan, ...init }, body, options, this);
  }

  respond(response: HttpResponse): void {
    this.response = response;
    response.body.pipe(this.sink);
  }

  fail(): void {
    throw new Error("an exchange always answers");
  }
}

async function called(world: World, init: Partial<Plan> = {}, body?: Body): Promise<Call> {
  const call = new Call(world, init, body);
  await world.turn();
  return call;
}

/** Copies under way, or waiting for a connection. */
function copies(world: World): number {
  const stats = world.origins.stats().find(({ host }) => host === mirror);
  return stats === undefined ? 0 : stats.calls + stats.waiting;
}

describe("a copy whose mirror never answers is given up", () => {
  test.each<[string, Partial<Plan>, number]>([
    ["at the call's deadline", { timeoutMs: 500 }, 500],
    [
      "at the rule's request timeout",
      { timeouts: { requestMs: 700, backendRequestMs: undefined, idleMs: undefined } },
      700,
    ],
    ["after a minute, where neither says less", { timeoutMs: 3_600_000 }, 60_000],
  ])("%s", async (_, init, ms) => {
    const world = new World();
    await called(world, init);
    world.answer(origin, 1, 0);
    await world.advance(ms - 1);
    expect(copies(world)).toBe(1);
    await world.advance(1);
    expect(copies(world)).toBe(0);
    expect(world.sent(mirror).at(-1)).toBe("RST_STREAM 1 CANCEL");
  });

  test("when the caller leaves, whether it has a body or none, is connected or not", async () => {
    for (const body of [noBody, new TestBody()]) {
      for (const silent of [false, true]) {
        const world = new World();
        if (silent) world.silent.add(mirror);
        // oxlint-disable-next-line no-await-in-loop -- one call after the other
        const call = await called(world, {}, body);
        expect(copies(world)).toBe(1);
        call.cancel(left);
        expect(copies(world)).toBe(0);
      }
    }
  });

  test("when the caller leaves in the middle of the answer", async () => {
    const world = new World();
    const call = await called(world);
    world.peer(origin).send(headers(1, ok));
    call.response!.body.cancel(left);
    call.cancel(left);
    expect(copies(world)).toBe(0);
  });
});

test("a copy goes on when the call has its answer, though the caller leaves then", async () => {
  const world = new World();
  const call = await called(world);
  world.answer(origin, 1, 0);
  call.cancel(left);
  expect(copies(world)).toBe(1);
});

test("a copy that is answered leaves no timer behind", async () => {
  const world = new World();
  await called(world);
  world.answer(origin, 1, 0);
  const before = world.clock.pending;
  world.answer(mirror, 1, 0);
  expect(world.clock.pending).toBe(before - 1);
});

test("bytes that wait for mirrors are bounded for each copy, and for all together", async () => {
  const world = new World();
  world.silent.add(mirror);
  const bodies = Array.from({ length: 200 }, () => new TestBody());
  for (const body of bodies) void new Call(world, {}, body);
  await world.turn();
  for (const body of bodies.slice(0, 100)) for (let i = 0; i < 4; i++) body.write(chunk);
  expect(copies(world)).toBe(200);
  bodies[0]!.write("x");
  expect(copies(world)).toBe(199);
  for (const body of bodies.slice(100)) for (let i = 0; i < 4; i++) body.write(chunk);
  // 32 MiB are 128 copies of 256 KiB; the one that was given up has made room.
  expect(copies(world)).toBe(128);
  for (const body of bodies) body.fail(left);
  expect(copies(world)).toBe(0);
  const [next, other] = [new TestBody(), new TestBody()];
  await called(world, {}, next);
  await called(world, {}, other);
  for (const body of [next, other]) for (let i = 0; i < 4; i++) body.write(chunk);
  expect(copies(world)).toBe(2);
  for (const body of [next, other]) body.fail(left);
});
