/**
 * Connections whose peer is hostile or unlucky, by chance that a seed repeats: random frames, most of them plausible, some
 * with a bit turned over, cut at random places, while our side answers, writes, consumes and cancels at random.
 *
 * `node tests/http2/simulation.ts COUNT [FIRST_SEED]` runs that many seeds and says how many frames they took.
 */
import { CallError } from "../../worker/call/error.ts";
import { Fields } from "../../worker/call/fields.ts";
import { type Answer, type Body, type BodySink, type Cancel, noBody } from "../../worker/call/http.ts";
import { Code } from "../../worker/call/status.ts";
import type { Http2Limits } from "../../worker/http2/index.ts";
import * as frames from "../../worker/http2/testing/frames.ts";
import { clientUnderTest, type Peer, serverUnderTest } from "../../worker/http2/testing/scripted-peer.ts";
import { newRandom, type Random } from "./random.ts";

const limits: Partial<Http2Limits> = {
  initialStreamWindow: 2000,
  maxStreamWindow: 2000,
  maxConcurrentStreams: 8,
  maxQueuedRequests: 4,
  maxHeaderListBytes: 2000,
};

const gone = new CallError(Code.CANCELLED, "by chance", { side: "edge" });

/** Our part of one exchange: a body that is written and a body that is taken, both at random. */
class Part implements Body, BodySink {
  readonly #random: Random;
  #sink: BodySink | undefined;
  #taken: Body | undefined;
  withdraw: Cancel | undefined;
  /** Bytes that came and are not consumed: never more than the window. */
  held = 0;
  /** Times that the exchange ended, for each of the ways it may. */
  ends = 0;
  closed = false;

  constructor(random: Random) {
    this.#random = random;
  }

  take(body: Body): void {
    this.#taken = body;
    body.pipe(this);
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
  }
  consumed(): void {}
  cancel(): void {
    this.#sink = undefined;
  }

  write(bytes: Uint8Array): void {
    this.held += bytes.length;
    check(!this.closed, "bytes behind the end");
    if (this.#random.below(3) === 0) this.consume();
  }
  end(): void {
    this.#ended();
  }
  fail(): void {
    this.#ended();
  }
  #ended(): void {
    this.ends++;
    check(this.ends === 1, "two ends");
    this.closed = true;
  }

  consume(): void {
    const bytes = this.held;
    this.held = 0;
    this.#taken?.consumed(bytes);
  }

  /** Does something, or nothing. */
  act(): void {
    const { below } = this.#random;
    const sink = this.#sink;
    switch (below(8)) {
      case 0:
      case 1:
        sink?.write(new Uint8Array(below(below(3) === 0 ? 40_000 : 3000)));
        break;
      case 2:
        this.#sink = undefined;
        sink?.end(below(2) === 0 ? Fields.empty : Fields.from([["t", `${below(3)}`]]));
        break;
      case 3:
        if (below(4) > 0) break;
        this.#sink = undefined;
        sink?.fail(gone);
        break;
      case 4:
        if (below(4) === 0) this.#leave();
        break;
      case 5:
        this.consume();
        break;
      default:
    }
  }

  #leave(): void {
    this.closed = true;
    this.#taken?.cancel(gone);
    this.withdraw?.(gone);
  }
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** A frame that a peer may send, or should not. */
function randomFrame(random: Random, fromServer: boolean): Uint8Array {
  const { below } = random;
  const stream = below(12) === 0 ? below(8) : below(3) * 2 + 1;
  const end = below(5) === 0;
  switch (below(14)) {
    case 0:
    case 1:
    case 2:
      return frames.headers(stream, randomFields(random, fromServer), { end });
    case 3:
    case 4:
    case 5:
      return frames.data(stream, new Uint8Array(below(1900)), { end });
    case 6:
      return frames.frame(0, 8 + (end ? 1 : 0), stream, [below(20), ...new Uint8Array(below(40))]);
    case 7:
      return frames.rst(stream, below(15));
    case 8:
      return frames.windowUpdate(below(2) * stream, [0, 1, 100, 5000, 0x7fffffff][below(5)]!);
    case 9:
      return frames.settings([below(8), [0, 1, 100, 16_384, 200_000][below(5)]!]);
    case 10:
      return frames.ping(below(4), { ack: below(2) === 0 });
    case 11:
      return below(3) === 0 ? frames.goAway(below(12), below(14)) : frames.settingsAck;
    case 12:
      return frames.frame(below(12), below(64), stream, new Uint8Array(below(30)));
    default: {
      const block = frames.literalBlock(randomFields(random, fromServer));
      const cut = below(block.length + 1);
      return frames.join(
        frames.frame(1, end ? 1 : 0, stream, block.subarray(0, cut)),
        frames.frame(9, 4, stream, block.subarray(cut)),
      );
    }
  }
}

function randomFields({ below }: Random, fromServer: boolean): frames.FieldList {
  const start =
    below(8) === 0 ? [] : fromServer ? [[":status", ["200", "103", "404", "9"][below(4)]!] as const] : frames.post();
  const more = [
    [],
    [["content-length", `${below(2000)}`] as const],
    [["x", "y".repeat(below(300))] as const],
    [["connection", "close"] as const],
    [["t", "u"] as const],
  ][below(5)]!;
  return [...start, ...more];
}

/** The peer's frames in one run of bytes; rarely, one bit is not what it should be. */
function randomBytes(random: Random, count: number, fromServer: boolean): Uint8Array {
  const bytes = frames.join(...Array.from({ length: count }, () => randomFrame(random, fromServer)));
  if (random.below(4) === 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
}

/** An endpoint of either role, and what it takes part in. */
function endpoint(
  random: Random,
  isServer: boolean,
): { peer: Peer; parts: Part[]; act: () => void; active: () => number } {
  const parts: Part[] = [];
  const peerSettings = [[4, [0, 1000, 65_535, 200_000][random.below(4)]!]] as const;
  const answers: (() => void)[] = [];
  if (isServer) {
    const { peer, server } = serverUnderTest(
      ({ body }, answer) => {
        const part = new Part(random);
        parts.push(part);
        part.take(body);
        const respond = (): void => answer.respond({ head: { status: 200, fields: Fields.empty }, body: part });
        if (random.below(2) === 0) respond();
        else answers.push(respond);
        return () => (part.closed = true);
      },
      { limits, peerSettings },
    );
    return { peer, parts, act: () => answers.pop()?.(), active: () => server.activeStreams };
  }
  const { peer, client } = clientUnderTest({ limits, peerSettings });
  const ask = (): void => {
    const part = new Part(random);
    parts.push(part);
    const answer: Answer = { respond: ({ body }) => part.take(body), fail: () => part.fail() };
    const head = { method: "POST", scheme: "http", authority: "a", path: "/", fields: Fields.empty } as const;
    part.withdraw = client.handle({ head, body: random.below(2) === 0 ? noBody : part }, answer);
  };
  for (let i = random.below(4); i >= 0; i--) ask();
  return { peer, parts, act: ask, active: () => client.activeStreams + client.queued };
}

/** Runs one seed. Throws, naming it, if anything does not hold. Returns how many frames the peer sent. */
export function simulate(seed: number): number {
  try {
    return play(newRandom(seed));
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function play(random: Random): number {
  const isServer = random.below(2) === 0;
  const { peer, parts, act, active } = endpoint(random, isServer);
  const count = 1 + random.below(30);
  const bytes = randomBytes(random, count, !isServer);
  const meter = new WindowMeter(peer, connectionWindow(bytes));
  for (let at = 0; at < bytes.length && peer.closedWith === "open";) {
    const next = Math.min(bytes.length, at + 1 + random.below(random.below(2) === 0 ? 8 : 3000));
    peer.send(bytes.subarray(at, next));
    at = next;
    if (random.below(4) === 0) act();
    for (const part of parts) {
      check(part.held <= limits.initialStreamWindow!, "more bytes held than the window allows");
      if (random.below(6) === 0) part.act();
    }
    if (random.below(10) === 0) peer.wire.backedUp = true;
    if (random.below(5) === 0) peer.drain();
    if (random.below(20) === 0) peer.clock.advance(random.below(100_000));
    meter.read();
  }
  peer.leave();
  meter.read();
  peer.clock.advance(5000);
  check(active() === 0, "a stream is left over");
  check(peer.clock.pending === 0, "a timer is left over");
  check(peer.closedWith !== "open", "the end was not told");
  check(
    parts.every(({ closed }) => closed || isServer),
    "a call has not ended",
  );
  return count;
}

/** What `bytes`, if they are all taken, let the endpoint send: RFC 9113 section 6.9. */
function connectionWindow(bytes: Uint8Array): number {
  let window = 65_535;
  for (let at = 0; at + 13 <= bytes.length;) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const onConnection = (view.getUint32(5) & 0x7fffffff) === 0;
    if (view.getUint8(3) === 8 && onConnection) window += view.getUint32(9) & 0x7fffffff;
    at += 9 + (view.getUint32(0) >>> 8);
  }
  return window;
}

/** Reads what the endpoint sends, and holds it against what it may. */
class WindowMeter {
  readonly #peer: Peer;
  readonly #window: number;

  constructor(peer: Peer, window: number) {
    this.#peer = peer;
    this.#window = window;
  }

  read(): void {
    for (const line of this.#peer.received()) check(!line.startsWith("type "), `an unknown frame was sent: ${line}`);
    check(this.#peer.transcript.dataBytes <= this.#window, "more DATA than the window allows");
  }
}

if (process.argv[1] === import.meta.filename) {
  const [count, first = 1] = process.argv.slice(2).map(Number);
  const began = performance.now();
  let sent = 0;
  for (let seed = first; seed < first + count!; seed++) sent += simulate(seed);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${count} seeds from ${first}: ${sent} frames in ${seconds} s, nothing amiss`);
}
