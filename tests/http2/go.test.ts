/** The engine against Go, if installed: grpc-go's server, and the HPACK of golang.org/x/net. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fields } from "../../worker/call/fields.ts";
import type { Body, RequestHead } from "../../worker/call/http.ts";
import { Code } from "../../worker/call/status.ts";
import { Decoder } from "../../worker/http2/hpack/decoder.ts";
import { Encoder } from "../../worker/http2/hpack/encoder.ts";
import type { Http2Client } from "../../worker/http2/index.ts";
import { TestBody } from "../../worker/http2/testing/scripted-peer.ts";
import { randomList } from "./header-lists.ts";
import { newRandom, type Random } from "./random.ts";
import { bodyOf, call, connect, type Reply, sumOf } from "./subjects.ts";
import { framed, goPeer, noise, run } from "./tools.ts";

const peer = await goPeer();
const sizes = [0, 1, 100, 16_384, 65_536, 1_000_000, 64_000_000];
/** What the server takes at once: go/grpc.go. */
const maxStreams = 16;
const fields = Fields.from([
  ["content-type", "application/grpc"],
  ["te", "trailers"],
]);

function ask(client: Http2Client, method: string, body: Body, extra: Partial<RequestHead> = {}): Promise<Reply> {
  return call(client, { path: `/test.Peer/${method}`, fields, body, ...extra });
}

/** The same bytes as messages of `length` each, the last one shorter. */
function pieces(bytes: Uint8Array, length: number): Uint8Array {
  const count = Math.ceil(bytes.length / length);
  return Buffer.concat(Array.from({ length: count }, (_, i) => framed(bytes.subarray(i * length, (i + 1) * length))));
}

const text = (message: string): Uint8Array => framed(new TextEncoder().encode(message));
const content = (bytes: Uint8Array): Partial<Reply> => ({ status: 200, bytes: bytes.length, sum: sumOf(bytes) });
/** The status, from the trailers or, if there is nothing else, from the head. */
const statusOf = ({ fields: head, trailers }: Reply): string | undefined =>
  trailers.get("grpc-status") ?? head.get("grpc-status");

/** Starts grpc-go's server, which stops gracefully when its standard input ends. */
async function startGrpc(): Promise<{ server: ChildProcess; port: number }> {
  const server = spawn(peer!, ["grpc"], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  return { server, port: Number(line.toString()) };
}

describe.skipIf(peer === undefined)("our client and grpc-go's server (if Go is installed)", () => {
  let server: ChildProcess;
  let port: number;
  let client: Http2Client;

  beforeAll(async () => {
    ({ server, port } = await startGrpc());
    client = await connect(port);
  });
  afterAll(async () => {
    client.close();
    server.stdin!.end();
    await once(server, "exit");
  });

  test.each(sizes)("a unary call of %d bytes is echoed", async (size) => {
    const message = framed(noise(size));
    const reply = await ask(client, "Call", bodyOf(message));
    expect(reply).toMatchObject(content(message));
    expect(statusOf(reply)).toBe("0");
  });

  test.each(sizes)("it streams %d bytes to us", async (size) => {
    const reply = await ask(client, "Give", bodyOf(text(String(size))));
    const all = Uint8Array.from({ length: 30_000 }, (_, i) => i);
    const given = new Uint8Array(size);
    for (let at = 0; at < size; at += all.length) given.set(all.subarray(0, size - at), at);
    expect(reply).toMatchObject(content(pieces(given, all.length)));
    expect(statusOf(reply)).toBe("0");
  });

  test.each(sizes)("it reads a stream of %d bytes", async (size) => {
    const bytes = noise(size);
    const reply = await ask(client, "Sum", bodyOf(pieces(bytes, 10_007)));
    expect(reply).toMatchObject(content(text(`${Math.ceil(size / 10_007)} ${size} ${sumOf(bytes)}`)));
    expect(statusOf(reply)).toBe("0");
  });

  test.each(sizes)("a conversation of %d bytes is echoed", async (size) => {
    const messages = pieces(noise(size), 50_021);
    const reply = await ask(client, "Chat", bodyOf(messages));
    expect(reply).toMatchObject(content(messages));
    expect(statusOf(reply)).toBe("0");
  });

  test("a thousand calls at once wait their turn at its limit of 16 streams", async () => {
    const replies = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => ask(client, "Call", bodyOf(framed(noise(i))))),
    );
    expect(replies.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 5));
  });

  test("calls sent before its limit was known are refused beyond it, and may be sent again", async () => {
    const eager = await connect(port);
    const bodies = Array.from({ length: 100 }, () => new TestBody());
    const calls = bodies.map((body) => ask(eager, "Chat", body));
    const refused = calls
      .slice(maxStreams)
      .map((refusal) =>
        expect(refusal).rejects.toMatchObject({ code: Code.UNAVAILABLE, side: "origin", unprocessed: true }),
      );
    await Promise.all(refused);
    for (const body of bodies.slice(0, maxStreams)) body.write(text("x")).end();
    const replies = await Promise.all(calls.slice(0, maxStreams));
    expect(replies).toEqual(replies.map(() => expect.objectContaining(content(text("x")))));
    eager.close();
  });

  test("an error before the request was read is the answer, and the connection goes on", async () => {
    for (let i = 0; i < 20; i++) {
      const reply = await ask(client, "Refuse", bodyOf(framed(noise(10_000_000))));
      expect(reply).toMatchObject({ status: 200, bytes: 0 });
      expect(statusOf(reply)).toBe("7");
    }
    expect(await ask(client, "Call", bodyOf(text("after")))).toMatchObject(content(text("after")));
  });

  test("an error in the middle of a request comes behind what was answered", async () => {
    const reply = await ask(client, "Quit", bodyOf(pieces(noise(10_000_000), 1000)));
    expect(reply).toMatchObject(content(framed(noise(1000))));
    expect(statusOf(reply)).toBe("8");
  });

  test("a content type that is not gRPC's is answered before the request ends", async () => {
    const extra = { fields: Fields.from([["content-type", "text/plain"]]) };
    expect(await ask(client, "Call", bodyOf(noise(10_000_000)), extra)).toMatchObject({ status: 415, bytes: 0 });
  });

  test("resets at the deadline break off requests and answers under way, and the connection goes on", async () => {
    const extra = { fields: Fields.from([...fields, ["grpc-timeout", "50m"]]) };
    const upload = framed(noise(10_000_000));
    const stalled = Array.from({ length: 5 }, () =>
      expect(ask(client, "Stall", bodyOf(upload), extra)).rejects.toMatchObject({
        code: Code.CANCELLED,
        side: "origin",
        unprocessed: false,
      }),
    );
    await Promise.all(stalled);
    expect(client.activeStreams).toBe(0);
    expect(await ask(client, "Call", bodyOf(upload))).toMatchObject(content(upload));
  });

  test("keepalive more often than it bears ends with its GOAWAY, and the call under way with the connection", async () => {
    const { promise: draining, resolve: onDraining } = Promise.withResolvers<void>();
    const lifetime = { keepaliveMs: 10, keepaliveWithoutCalls: true };
    const nagging = await connect(port, { lifetime, onDraining });
    const held = ask(nagging, "Chat", new TestBody());
    const lost = expect(held).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: "the origin is going away with ENHANCE_YOUR_CALM: too_many_pings",
      unprocessed: false,
    });
    await draining;
    expect(nagging).toMatchObject({ activeStreams: 1, capacity: 0, closed: false });
    await lost;
    expect(nagging.closed).toBe(true);
  });
});

test.skipIf(peer === undefined)(
  "grpc-go's graceful stop (if Go is installed) lets the calls under way end and takes no more",
  async () => {
    const { server, port } = await startGrpc();
    const { promise: draining, resolve: onDraining } = Promise.withResolvers<void>();
    const { promise: closed, resolve: onClose } = Promise.withResolvers<unknown>();
    const client = await connect(port, { onDraining, onClose });
    const bodies = Array.from({ length: maxStreams - 1 }, () => new TestBody());
    const calls = bodies.map((body) => ask(client, "Chat", body));
    for (const body of bodies) body.write(text("before"));
    // Answered behind the others' beginning: they are under way.
    await ask(client, "Call", bodyOf(text("x")));
    server.stdin!.end();
    await draining;
    await expect(ask(client, "Call", bodyOf(text("x")))).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      unprocessed: true,
    });
    for (const body of bodies) body.write(text("after")).end();
    const replies = await Promise.all(calls);
    const both = content(Buffer.concat([text("before"), text("after")]));
    expect(replies).toEqual(replies.map(() => expect.objectContaining(both)));
    expect(replies.map(statusOf)).toEqual(replies.map(() => "0"));
    expect(await closed).toBeUndefined();
    if (server.exitCode === null) await once(server, "exit");
    expect(server.exitCode).toBe(0);
  },
);

/** As go/hpack.go has it. */
interface Block {
  readonly TableSizes: readonly number[];
  readonly Fields: readonly { readonly Name: string; readonly Value: string; readonly Sensitive: boolean }[];
  readonly Wire: string;
}

async function throughGo(mode: "encode" | "decode", blocks: readonly Partial<Block>[]): Promise<Block[]> {
  const { code, output } = await run(peer!, [mode], JSON.stringify(blocks));
  if (code !== 0) throw new Error(output);
  const completed: Block[] = JSON.parse(output);
  return completed;
}

/**
 * Header lists, every tenth field sensitive, every tenth list behind a change of the table's size, half of them through
 * nothing: Go's decoder takes a second size update only if the first one emptied its table.
 */
function randomBlocks(random: Random): Omit<Block, "Wire">[] {
  return Array.from({ length: 1000 }, (_, i) => ({
    TableSizes: i % 10 === 9 ? [0, random.below(4097)].slice(random.below(2)) : [],
    Fields: randomList(random).map(([Name, Value]) => ({ Name, Value, Sensitive: random.below(10) === 0 })),
  }));
}

describe.skipIf(peer === undefined)("Go's HPACK (if installed)", () => {
  test.each([1, 2, 3])("reads what we write, over table size changes, seed %d", async (seed) => {
    const blocks = randomBlocks(newRandom(seed));
    const encoder = new Encoder();
    const wires = blocks.map(({ TableSizes, Fields: list }) => {
      for (const size of TableSizes) encoder.setMaxTableBytes(size);
      encoder.begin();
      for (const { Name, Value, Sensitive } of list) encoder.field(Name, Value, Sensitive);
      return { TableSizes, Wire: Buffer.from(encoder.block.subarray(0, encoder.length)).toString("hex") };
    });
    const decoded = await throughGo("decode", wires);
    for (const [i, block] of decoded.entries()) expect(block.Fields).toEqual(blocks[i]!.Fields);
  });

  test.each([4, 5, 6])("writes what we read, over table size changes, seed %d", async (seed) => {
    const blocks = randomBlocks(newRandom(seed));
    const decoder = new Decoder({ maxHeaderListBytes: 1 << 20, maxHeaderFields: 1000 }, 4096);
    for (const { Fields: list, Wire } of await throughGo("encode", blocks)) {
      const block = Buffer.from(Wire, "hex");
      const { flat, neverIndexed = new Set() } = decoder.decode(block, 0, block.length);
      expect(flat).toEqual(list.flatMap(({ Name, Value }) => [Name, Value]));
      expect(neverIndexed).toEqual(new Set(list.filter(({ Sensitive }) => Sensitive).map(({ Name }) => Name)));
    }
  });
});
