import { describe, expect, test } from "vitest";
import type { Backend } from "../../routes/model.ts";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import { headers, ok, ping } from "../http2/testing/frames.ts";
import { echo } from "./backend.fixture.ts";
import { elsewhere, toEcho, World } from "./origins.fixture.ts";

const [one, two, three] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const trio: Backend = { ...echo, endpoints: [one, two, three].map((host) => ({ host, port: 50051 })) };

const late = new CallError(Code.DEADLINE_EXCEEDED, "the deadline passed", { side: "edge" });

/** Makes `count` calls that are answered at once, and says how many went to each host. */
async function spread(world: World, targets: readonly Backend[], count: number) {
  const counts: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    world.chance = [(i * 0.618_033) % 1, (i * 0.414_213) % 1, (i * 0.732_05) % 1];
    // oxlint-disable-next-line no-await-in-loop -- one call after the other
    const call = await world.call({ targets });
    const host = call.sentTo.at(-1)!;
    counts[host] = (counts[host] ?? 0) + 1;
    if (call.failure === undefined) finish(world, host);
  }
  return counts;
}

/** Answers the newest stream of `host`. */
function finish(world: World, host: string, status = 0): void {
  const line = world.sent(host).findLast((sent) => sent.startsWith("HEADERS"))!;
  world.answer(host, Number(line.split(" ")[1]), status);
}

describe("an endpoint is chosen", () => {
  test("with fewer calls under way, of two by chance", async () => {
    const world = new World();
    for (let i = 0; i < 30; i++) {
      world.chance = [(i * 0.618_033) % 1, (i * 0.414_213) % 1];
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      await world.call({ targets: [trio] });
    }
    const loads = world.origins.stats().map(({ calls }) => calls);
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(2);
  });

  test("one after the other", async () => {
    const world = new World();
    const loadBalancing = { policy: "roundRobin", hash: undefined, slowStartMs: 0 } as const;
    expect(await spread(world, [{ ...trio, loadBalancing }], 30)).toEqual({ [one]: 10, [two]: 10, [three]: 10 });
  });

  test("by a hash: the same key goes to the same, and others stay where one goes away", async () => {
    const world = new World();
    const loadBalancing = { policy: "consistentHash", hash: { kind: "source" }, slowStartMs: 0 } as const;
    const hashed = { ...trio, loadBalancing };
    const hostOf = async (targets: readonly Backend[], hashKey: string) => {
      const call = await world.call({ targets, hashKey });
      return call.sentTo[0]!;
    };
    const before = new Map<string, string>();
    // oxlint-disable no-await-in-loop -- one call after the other
    for (let key = 0; key < 90; key++) before.set(String(key), await hostOf([hashed], String(key)));
    expect(new Set(before.values()).size).toBe(3);
    const fewer = { ...hashed, endpoints: hashed.endpoints.slice(0, 2) };
    for (const [key, host] of before) {
      const now = await hostOf([fewer], key);
      if (host !== three) expect(now).toBe(host);
    }
  });

  test("anew with little at first: its share grows", async () => {
    const world = new World();
    const loadBalancing = { policy: "roundRobin", hash: undefined, slowStartMs: 10_000 } as const;
    await spread(world, [{ ...echo, loadBalancing }], 10);
    const grown = { ...trio, loadBalancing };
    const early = await spread(world, [grown], 60);
    expect(early[three] ?? 0).toBeLessThan(10);
    await world.advance(10_000);
    expect((await spread(world, [grown], 60))[three]).toBe(20);
  });
});

describe("an endpoint that cannot be connected to", () => {
  test("is passed over, and tried again without a call: after one second, two, four, up to thirty", async () => {
    const world = new World();
    world.down.add(one);
    await spread(world, [echo], 4);
    const dialsOf = () => world.dials.filter((host) => host === one).length;
    expect(dialsOf()).toBe(1);
    const tried: number[] = [];
    for (let second = 1; second <= 100; second++) {
      const before = dialsOf();
      // oxlint-disable-next-line no-await-in-loop -- one second after the other
      await world.advance(1000);
      const counts = await spread(world, [echo], 2);
      expect(counts).toEqual({ [two]: 2 });
      if (dialsOf() > before) tried.push(second);
    }
    expect(tried).toEqual([1, 3, 7, 15, 31, 61, 91]);
  });

  test("gets calls as soon as a connection is open again", async () => {
    const world = new World();
    world.down.add(one);
    await spread(world, [echo], 4);
    world.down.delete(one);
    await world.advance(1000);
    await spread(world, [echo], 1);
    expect((await spread(world, [echo], 20))[one]).toBeGreaterThan(5);
  });

  test("is tried by every call while it is the only one", async () => {
    const world = new World();
    const alone = elsewhere("east", one);
    world.down.add(one);
    const call = await world.call({ targets: [alone] });
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE });
    world.down.delete(one);
    const next = await world.call({ targets: [alone] });
    world.answer(one, 1, 0);
    expect(next.status).toBe("0");
  });
});

describe("an endpoint whose calls fail in a row", () => {
  const outlierDetection = {
    consecutiveFailures: 3,
    grpcCodes: [Code.UNAVAILABLE],
    httpStatuses: [],
    baseEjectionMs: 10_000,
    maxEjectionPercent: 50,
  };
  const watched = {
    ...trio,
    outlierDetection,
    loadBalancing: { ...trio.loadBalancing, policy: "roundRobin" },
  } as const;

  async function failing(world: World, rounds: number) {
    for (let i = 0; i < rounds * 3; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      const { sentTo } = await world.call({ targets: [watched] });
      finish(world, sentTo[0]!, sentTo[0] === one ? Code.UNAVAILABLE : 0);
    }
  }

  test("gets none for the base time, and twice as long the second time", async () => {
    const world = new World();
    await failing(world, 3);
    expect(await spread(world, [watched], 6)).toEqual({ [two]: 3, [three]: 3 });
    await world.advance(10_000);
    await failing(world, 3);
    await world.advance(10_000);
    expect(await spread(world, [watched], 6)).toEqual({ [two]: 3, [three]: 3 });
    await world.advance(10_000);
    expect((await spread(world, [watched], 6))[one]).toBe(2);
  });

  test("is ejected by what its trailers say, too", async () => {
    const world = new World();
    for (let i = 0; i < 9; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      const call = await world.call({ targets: [watched] });
      const [host] = call.sentTo;
      const id = Number(world.sent(host!).at(-1)!.split(" ")[1]);
      const code = String(host === one ? Code.UNAVAILABLE : 0);
      world.peer(host!).send(headers(id, [...ok, ["content-type", "application/grpc"]]));
      world.peer(host!).send(headers(id, [["grpc-status", code]], { end: true }));
      expect(call.status).toBe(code);
    }
    expect(await spread(world, [watched], 6)).toEqual({ [two]: 3, [three]: 3 });
  });

  test("is not ejected where more than the percentage would be", async () => {
    const world = new World();
    for (let i = 0; i < 18; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      const { sentTo } = await world.call({ targets: [watched] });
      finish(world, sentTo[0]!, Code.UNAVAILABLE);
    }
    expect(Object.keys(await spread(world, [watched], 6))).toHaveLength(2);
  });
});

describe("an origin that says nothing for five minutes in the middle of an answer is asked whether it is still there", () => {
  async function streaming() {
    const world = new World();
    const call = await world.call({ targets: [elsewhere("east", one)] });
    world.peer(one).send(headers(1, [...ok, ["content-type", "application/grpc"]]));
    await world.advance(299_999);
    expect(
      world
        .peer(one)
        .received()
        .filter((line) => line.startsWith("PING")),
    ).toEqual([]);
    await world.advance(1);
    expect(world.peer(one).received()).toEqual(["PING 1"]);
    return { world, call };
  }

  test("and left if it does not answer: the call breaks off", async () => {
    const { world, call } = await streaming();
    await world.advance(20_000);
    expect(call.sink.failure).toMatchObject({ code: Code.UNAVAILABLE });
    expect(world.origins.stats().map(({ connections, calls }) => connections + calls)).toEqual([0]);
  });

  test("and no sooner than after as long again if it does", async () => {
    const { world, call } = await streaming();
    world.peer(one).send(ping(1, { ack: true }));
    await world.advance(299_999);
    expect(world.peer(one).received()).toEqual([]);
    await world.advance(1);
    expect(world.peer(one).received()).toEqual(["PING 2"]);
    expect(call.sink.failure).toBeUndefined();
  });
});

describe("health", () => {
  test("takes an endpoint out, and back", async () => {
    const world = new World();
    const live = world.origins.backend(trio);
    const [first] = live.endpoints;
    first!.healthy = false;
    expect(await spread(world, [trio], 20)).not.toHaveProperty([one]);
    first!.healthy = true;
    expect(await spread(world, [trio], 20)).toHaveProperty([one]);
  });

  test("counts for nothing when more than half are unwell", async () => {
    const world = new World();
    const [first, second] = world.origins.backend(trio).endpoints;
    first!.healthy = false;
    second!.healthy = false;
    expect(Object.keys(await spread(world, [trio], 30))).toHaveLength(3);
  });
});

describe("failover", () => {
  const east = elsewhere("east", one);
  const west = elsewhere("west", two);

  test("sends the calls of a backend that cannot be reached to the next, the first of them too", async () => {
    const world = new World();
    world.down.add(one);
    const call = await world.call({ targets: [east, west] });
    expect(call.sentTo).toEqual([one, two]);
    expect(await spread(world, [east, west], 5)).toEqual({ [two]: 5 + 0 });
  });

  test("comes after two attempts, however many endpoints there are", async () => {
    const world = new World();
    const endpoints = Array.from({ length: 50 }, (_, i) => ({ host: `10.2.0.${i}`, port: 50051 }));
    for (const { host } of endpoints) world.down.add(host);
    const call = await world.call({ targets: [{ ...east, endpoints }, west] });
    expect(call.sentTo).toHaveLength(3);
    world.answer(two, 1, 0);
    expect(call.status).toBe("0");
  });

  test("goes back little by little", async () => {
    const world = new World();
    world.down.add(one);
    await spread(world, [east, west], 5);
    world.down.delete(one);
    await world.advance(1000);
    await spread(world, [east, west], 1); // finds out that it is back
    const shares: number[] = [];
    for (let step = 0; step < 4; step++) {
      // oxlint-disable-next-line no-await-in-loop -- one step after the other
      const { [one]: back = 0 } = await spread(world, [east, west], 100);
      shares.push(back);
      await world.advance(3_400);
    }
    expect(shares[0]).toBeLessThan(10);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares[3]).toBe(100);
  });

  test("comes before a backend of which more than half is unwell", async () => {
    const world = new World();
    const [first, second] = world.origins.backend(trio).endpoints;
    first!.healthy = false;
    second!.healthy = false;
    expect(await spread(world, [trio, elsewhere("west", "10.1.0.1")], 10)).toEqual({ "10.1.0.1": 10 });
  });

  test("happens when connections are gone without a word: a late call is reason enough to ask who is there", async () => {
    const world = new World();
    await spread(world, [east, west], 1);
    world.silent.add(one); // from here on nothing comes back
    const lost = await world.call({ targets: [east, west] });
    expect(lost.sentTo).toEqual([one]);
    lost.cancel(late);
    world.flush();
    expect(world.peer(one).received()).toContainEqual(expect.stringMatching(/^PING/));
    expect(await spread(world, [east, west], 5)).toEqual({ [two]: 5 });
    await world.advance(2_000);
    expect(world.peer(one).wire.ended || world.peer(one).wire.destroyed).toBe(true);
    expect(await spread(world, [east, west], 5)).toEqual({ [two]: 5 });
  });

  test("ends at once where the peer answers: it was only slow", async () => {
    const world = new World();
    await spread(world, [east, west], 1);
    const slow = await world.call({ targets: [east, west] });
    slow.cancel(late);
    world.flush();
    const payload = Number(
      /\d+$/.exec(
        world
          .peer(one)
          .received()
          .findLast((line) => line.startsWith("PING"))!,
      )![0],
    );
    world.peer(one).send(ping(payload, { ack: true }));
    await world.advance(2_000);
    expect(world.peer(one).wire.ended).toBe(false);
    await world.advance(10_000); // it returns little by little
    expect(await spread(world, [east, west], 5)).toEqual({ [one]: 5 });
  });
});

describe("a newer table", () => {
  test("takes an endpoint's calls away at once, and its connection when its calls have ended", async () => {
    const world = new World();
    const call = await world.call();
    expect(call.sentTo).toEqual([one]);
    const fewer = { ...echo, endpoints: echo.endpoints.slice(1) };
    expect(await spread(world, [fewer], 10)).toEqual({ [two]: 10 });
    await world.advance(60_000);
    expect(world.peer(one).wire.ended).toBe(false);
    world.answer(one, 1, 0);
    expect(call.status).toBe("0");
    world.flush();
    expect(world.peer(one).wire.ended).toBe(true);
  });

  test("that comes in turn with an older one for a moment loses no connection", async () => {
    const world = new World();
    const fewer = { ...echo, endpoints: echo.endpoints.slice(1) };
    for (let i = 0; i < 10; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      await spread(world, [echo], 3);
      await spread(world, [fewer], 1);
      await world.advance(100);
    }
    expect(world.dials.filter((host) => host === one)).toHaveLength(1);
  });

  test("with another way to connect makes new connections", async () => {
    const world = new World();
    await spread(world, [echo], 4);
    await spread(world, [{ ...echo, tls: true }], 4);
    expect(world.dials.length).toBe(4);
  });

  test("may name an endpoint twice: it is one", async () => {
    const world = new World();
    const twice = { ...echo, endpoints: [...echo.endpoints, ...echo.endpoints] };
    await spread(world, [twice], 8);
    await spread(world, [structuredClone(twice)], 8);
    expect(world.dials.length).toBe(2);
  });

  test("keeps what is equal", async () => {
    const world = new World();
    await spread(world, [echo], 4);
    await spread(world, [structuredClone(echo)], 4);
    expect(world.dials.length).toBe(2);
  });
});

test("backends without connections are forgotten when there are many", async () => {
  const world = new World();
  for (let i = 0; i < 1_010; i++) world.origins.backend({ ...echo, name: `east/default/b${i}:1` });
  expect([...world.origins.backends].length).toBeLessThanOrEqual(1_000);
  expect(toEcho.targets).toEqual([echo]);
});
