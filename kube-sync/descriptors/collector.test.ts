import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, expect, test } from "vitest";
import { FakeClock } from "../fake-clock.fixture.ts";
import { Collector, type Origin } from "./collector.ts";
import type { DescriptorSet } from "./set.ts";

const source = { kind: "Service", namespace: "default", name: "a", file: "" };
const minutes = 60_000;

function origin(key: string, ...hosts: string[]): Origin {
  return { key, source, addresses: hosts.map((host) => ({ host, port: 1, tls: false })) };
}

function set(hash: string): DescriptorSet {
  return { hash, bytes: new Uint8Array(1) };
}

let running: Collector | undefined;
afterEach(() => running?.close());

/** Servers by host; each answer may be changed. `asked` collects the hosts that were asked. */
function start(servers: Record<string, DescriptorSet | Code | Promise<DescriptorSet>>) {
  const clock = new FakeClock();
  const asked: string[] = [];
  let changes = 0;
  const collector = new Collector({
    clock,
    random: () => 1,
    reflect: async ({ host }) => {
      asked.push(host);
      const answer = await servers[host]!;
      if (typeof answer === "number") throw new ConnectError("no", answer);
      return answer;
    },
    onChange: () => (changes += 1),
  });
  running = collector;
  const hashes = () => Object.fromEntries([...collector.sets()].map(([key, { hash }]) => [key, hash]));
  const reasons = () => collector.report().map(({ level, reason }) => `${level} ${reason}`);
  return { collector, clock, asked, servers, hashes, reasons, changes: () => changes };
}

test("each backend's server is asked once, and what it tells is kept by backend", async () => {
  const { collector, clock, asked, hashes, changes } = start({ x: set("1"), y: set("2") });
  collector.want([origin("a", "x"), origin("b", "y")]);
  collector.want([origin("a", "x"), origin("b", "y")]);
  await clock.pass(0);
  expect(asked).toEqual(["x", "y"]);
  expect(hashes()).toEqual({ a: "1", b: "2" });
  expect(changes()).toBe(2);
});

test("it is asked again when its addresses change, and now and then", async () => {
  const { collector, clock, asked, servers, hashes, changes } = start({ x: set("1"), y: set("1") });
  collector.want([origin("a", "x")]);
  await clock.pass(0);
  collector.want([origin("a", "x", "y")]);
  await clock.pass(0);
  expect(asked).toEqual(["x", "x"]);
  servers["x"] = set("2");
  await clock.pass(10 * minutes);
  expect(hashes()).toEqual({ a: "2" });
  expect(changes()).toBe(2);
});

test("the next address is tried where one fails", async () => {
  const { collector, clock, asked, hashes } = start({ x: Code.Unavailable, y: set("1") });
  collector.want([origin("a", "x", "y")]);
  await clock.pass(0);
  expect(asked).toEqual(["x", "y"]);
  expect(hashes()).toEqual({ a: "1" });
});

test("a failure is reported, tried again, and leaves what is known", async () => {
  const { collector, clock, asked, servers, hashes, reasons } = start({ x: set("1") });
  collector.want([origin("a", "x")]);
  await clock.pass(0);
  servers["x"] = Code.Unavailable;
  await clock.pass(10 * minutes);
  expect(hashes()).toEqual({ a: "1" });
  expect(reasons()).toEqual(["info no JSON and no REST for a: gRPC reflection failed: no"]);
  servers["x"] = set("2");
  await clock.pass(5_000);
  expect(hashes()).toEqual({ a: "2" });
  expect(reasons()).toEqual([]);
  expect(asked).toHaveLength(3);
});

test("a server without reflection is left alone for a while", async () => {
  const { collector, clock, asked, reasons } = start({ x: Code.Unimplemented });
  collector.want([origin("a", "x")]);
  await clock.pass(9 * minutes);
  expect(asked).toHaveLength(1);
  expect(reasons()).toEqual(["info no JSON and no REST for a: its server answers no gRPC reflection"]);
});

test("a backend that is gone takes its set along, also one whose server is being asked", async () => {
  const answer = Promise.withResolvers<DescriptorSet>();
  const { collector, clock, hashes } = start({ x: set("1"), slow: answer.promise });
  collector.want([origin("a", "x"), origin("b", "slow")]);
  await clock.pass(0);
  collector.want([]);
  answer.resolve(set("2"));
  await clock.pass(60 * minutes);
  expect(hashes()).toEqual({});
});

test("a few servers are asked at once, and all in the end", async () => {
  const answer = Promise.withResolvers<DescriptorSet>();
  const hosts = Array.from({ length: 10 }, (_, i) => `h${i}`);
  const { collector, clock, asked, hashes } = start(Object.fromEntries(hosts.map((host) => [host, answer.promise])));
  collector.want(hosts.map((host) => origin(host, host)));
  await clock.pass(0);
  expect(asked).toHaveLength(4);
  answer.resolve(set("1"));
  await clock.pass(0);
  expect(Object.keys(hashes())).toEqual(hosts);
});

test("who waits for the first answers waits until all are in, or the time is up", async () => {
  const answer = Promise.withResolvers<DescriptorSet>();
  const { collector, clock } = start({ x: answer.promise });
  collector.want([origin("a", "x")]);
  let waited = 0;
  const note = () => (waited += 1);
  void collector.settled(3_000).then(note);
  await clock.pass(2_999);
  expect(waited).toBe(0);
  await clock.pass(1);
  await clock.pass(0);
  expect(waited).toBe(1);
  void collector.settled(3_000).then(note);
  answer.resolve(set("1"));
  await clock.pass(0);
  await clock.pass(0);
  expect(waited).toBe(2);
});
