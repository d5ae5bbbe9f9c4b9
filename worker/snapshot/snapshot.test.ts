import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { OriginProtocol, TableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { match } from "../../routes/match.ts";
import type { RouteTable } from "../../routes/model.ts";
import { Code } from "../call/status.ts";
import { ManualClock } from "../http2/testing/scripted-peer.ts";
import { CompiledTable } from "./compiled.ts";
import { Snapshot } from "./snapshot.ts";

const source = { kind: "HTTPRoute", namespace: "default", name: "r" };
const toBackend = [{ backends: [{ target: { case: "backend" as const, value: "b" }, weight: 1 }] }];

/** A cluster that routes one hostname. A `broken` one has a route to a backend that it lacks. */
function cluster(name: string, hostname: string, broken = false) {
  return {
    cluster: name,
    routes: [{ key: "r", source, hostnames: [hostname], rules: toBackend }],
    backends: broken ? [] : [{ key: "b", source, protocol: OriginProtocol.GRPC }],
  };
}

const tableBytes = (revision: bigint, ...clusters: ReturnType<typeof cluster>[]) =>
  bytesOf("first", revision, clusters);

function bytesOf(epoch: string, revision: bigint, clusters: ReturnType<typeof cluster>[]): Uint8Array {
  return toBinary(TableSchema, create(TableSchema, { epoch, revision, clusters }));
}

/** Whether the table routes `host`. */
function routes(table: RouteTable, host: string): boolean {
  const request = { scheme: "https" as const, host, path: "/", query: "", method: "GET", protocols: ["http"] as const };
  return match(table, { ...request, header: () => undefined }) !== undefined;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An authority that answers when a test says so. */
class Authority {
  readonly reads: ({ readonly version: string } & PromiseWithResolvers<Uint8Array | undefined>)[] = [];
  readonly background: Promise<unknown>[] = [];
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  /** Reads the copy, of which there is none. */
  readCopy = (): Promise<Uint8Array | undefined> => Promise.resolve(undefined);
  readonly snapshot = new Snapshot({
    read: (version) => {
      const read = { version, ...Promise.withResolvers<Uint8Array | undefined>() };
      this.reads.push(read);
      return read.promise;
    },
    readCopy: () => this.readCopy(),
    clock: this.clock,
    log: (line) => this.lines.push(line),
  });

  get(now: number): Promise<RouteTable> {
    return this.snapshot.get(now, (promise) => this.background.push(promise));
  }

  /** Asks for a table at `now` while the authority has `bytes`. */
  getWith(now: number, bytes: Uint8Array | undefined): Promise<RouteTable> {
    const got = this.get(now);
    this.reads.at(-1)!.resolve(bytes);
    return got;
  }
}

test("the first call waits for the table, and fails if it cannot be read", async () => {
  const authority = new Authority();
  const failing = authority.get(0);
  authority.reads[0]!.reject(new Error("nobody there"));
  await expect(failing).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
    message: "the edge has no route table yet: whoever has it cannot be asked",
  });
  expect(authority.lines).toEqual(["there is no table, as its authority cannot be asked: Error: nobody there"]);
  expect(routes(await authority.getWith(1, tableBytes(1n, cluster("a", "a.test"))), "a.test")).toBe(true);
});

test("an authority without any table gives an empty one", async () => {
  expect(routes(await new Authority().getWith(0, undefined), "a.test")).toBe(false);
});

test("for a second nobody asks again; after that the table at hand serves while it is revalidated by its version", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(7n, cluster("a", "a.test")));
  await authority.get(999);
  expect(authority.reads).toHaveLength(1);

  expect(routes(await authority.get(1_000), "a.test")).toBe(true);
  expect(authority.reads).toHaveLength(2);
  expect(authority.reads[1]!.version).toBe("first.7");
  await authority.get(1_001);
  expect(authority.reads).toHaveLength(2);

  authority.reads[1]!.resolve(tableBytes(8n, cluster("a", "b.test")));
  await Promise.all(authority.background);
  expect(routes(await authority.get(1_002), "b.test")).toBe(true);
});

test("after ten seconds calls wait, and go by the table at hand if the authority is not there", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(1n, cluster("a", "a.test")));
  const waiting = authority.get(10_000);
  authority.reads[1]!.reject(new Error("nobody there"));
  expect(routes(await waiting, "a.test")).toBe(true);
});

test("after ten seconds a call waits for a second, and goes by the table at hand if the authority does not answer", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(1n, cluster("a", "a.test")));
  const waiting = authority.get(10_000);
  authority.clock.advance(999);
  expect(await Promise.race([waiting, turn()])).toBeUndefined();
  authority.clock.advance(1);
  expect(routes(await waiting, "a.test")).toBe(true);
  expect(authority.clock.pending).toBe(0);

  expect(routes(await authority.get(11_000), "a.test")).toBe(true); // and nobody waits for the second time
  authority.reads[1]!.resolve(tableBytes(2n, cluster("a", "b.test")));
  await authority.background[0];
  expect(routes(await authority.get(11_001), "b.test")).toBe(true);
});

test("without a table a call waits two seconds for the authority, then takes the copy; who comes next does not wait", async () => {
  const authority = new Authority();
  authority.readCopy = () => Promise.resolve(tableBytes(1n, cluster("a", "copy.test")));
  const waiting = authority.get(0);
  authority.clock.advance(1_999);
  expect(await Promise.race([waiting, turn()])).toBeUndefined();
  authority.clock.advance(1);
  expect(routes(await waiting, "copy.test")).toBe(true);
  expect(authority.lines).toEqual([
    "the table is a copy, as its authority cannot be asked: Error: no answer within 2 s",
  ]);
  expect(routes(await authority.get(2_000), "copy.test")).toBe(true);
});

test("the copy does not take the place of what the authority says late", async () => {
  const authority = new Authority();
  const copy = Promise.withResolvers<Uint8Array>();
  authority.readCopy = () => copy.promise;
  const waiting = authority.get(0);
  authority.clock.advance(2_000);
  await turn();
  authority.reads[0]!.resolve(bytesOf("second", 1n, [cluster("a", "new.test")]));
  await turn();
  copy.resolve(tableBytes(7n, cluster("a", "old.test")));
  const table = await waiting;
  expect(["old.test", "new.test"].map((host) => routes(table, host))).toEqual([false, true]);
});

test("a call without a table fails when neither the authority nor the copy answers", async () => {
  const authority = new Authority();
  authority.readCopy = () => new Promise(() => {});
  const waiting = authority.get(0).catch((error: unknown) => error);
  authority.clock.advance(2_000);
  await turn();
  authority.clock.advance(2_000);
  expect(await waiting).toMatchObject({ code: Code.UNAVAILABLE });
  expect(authority.lines[0]).toBe("the table's copy cannot be read: Error: no answer within 2 s");
});

test("the next call after a push waits for the table it made", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(1n, cluster("a", "a.test")));
  authority.snapshot.invalidate();
  const table = await authority.getWith(1, tableBytes(2n, cluster("a", "b.test")));
  expect(routes(table, "b.test")).toBe(true);
});

test("a reading that began before a push does not hide what the push made", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(1n, cluster("a", "a.test")));
  await authority.get(1_000);
  authority.snapshot.invalidate();
  authority.reads[1]!.resolve(undefined);
  await Promise.all(authority.background);
  const table = await authority.getWith(1_001, tableBytes(2n, cluster("a", "b.test")));
  expect(routes(table, "b.test")).toBe(true);
});

test("a slower reader does not bring an older table back", async () => {
  const authority = new Authority();
  const slow = authority.get(0);
  await authority.getWith(0, tableBytes(2n, cluster("a", "new.test")));
  authority.reads[0]!.resolve(tableBytes(1n, cluster("a", "old.test")));
  expect(routes(await slow, "new.test")).toBe(true);
});

test("a part that cannot be read leaves that cluster's last good one, and takes nothing from the others", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(1n, cluster("a", "a.test"), cluster("b", "b.test")));
  authority.snapshot.invalidate();
  const table = await authority.getWith(1, tableBytes(2n, cluster("a", "x.test", true), cluster("b", "y.test")));
  expect(["a.test", "x.test", "y.test"].map((host) => routes(table, host))).toEqual([true, false, true]);
});

test("an authority that starts anew is followed, though its revisions count anew", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(7n, cluster("a", "old.test")));
  authority.snapshot.invalidate();
  const table = await authority.getWith(1, bytesOf("second", 1n, [cluster("a", "new.test")]));
  expect(authority.reads.map(({ version }) => version)).toEqual(["", "first.7"]);
  expect(["old.test", "new.test"].map((host) => routes(table, host))).toEqual([false, true]);
});

test("an authority that lost its storage takes nothing from those who still have it", async () => {
  const authority = new Authority();
  await authority.getWith(0, tableBytes(7n, cluster("a", "a.test"), cluster("b", "b.test")));
  authority.snapshot.invalidate();
  const table = await authority.getWith(1, bytesOf("second", 1n, [cluster("b", "new.test")]));
  expect(["a.test", "b.test", "new.test"].map((host) => routes(table, host))).toEqual([true, false, true]);
});

test("what did not change is the very same in the next table, and the rest is read", () => {
  const compiled = new CompiledTable();
  compiled.swap(tableBytes(1n, cluster("a", "a.test"), cluster("b", "b.test")));
  const before = compiled.orEmpty();
  compiled.swap(tableBytes(2n, cluster("a", "a.test"), cluster("b", "c.test")));
  const after = compiled.orEmpty();
  expect(after.parts[0]!.routes[0]).toBe(before.parts[0]!.routes[0]);
  expect(after.hosts.exact!.get("a.test")).toBe(before.hosts.exact!.get("a.test"));
  expect(["a.test", "b.test", "c.test"].map((host) => routes(after, host))).toEqual([true, false, true]);
});

test("bytes that are no table leave the one before", () => {
  const compiled = new CompiledTable();
  compiled.swap(tableBytes(1n, cluster("a", "a.test")));
  expect(() => compiled.swap(tableBytes(2n, cluster("a", "b.test")).subarray(0, 20))).toThrow();
  expect(() => compiled.swap(Uint8Array.from([0x12, 0xff]))).toThrow();
  expect(routes(compiled.orEmpty(), "a.test")).toBe(true);
});
