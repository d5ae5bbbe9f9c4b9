/** Whole HTTP/2 endpoints of either role, fed with arbitrary bytes. */
import { Fields } from "../../../worker/call/fields.ts";
import type { Answer, Body, BodySink, Handler } from "../../../worker/call/http.ts";
import type { Http2Limits } from "../../../worker/http2/index.ts";
import * as frames from "../../../worker/http2/testing/frames.ts";
import { clientUnderTest, type Peer, serverUnderTest } from "../../../worker/http2/testing/scripted-peer.ts";
import { check, join, kindOf, octetsOf, pieces, randomOf, same, type Target } from "../target.ts";
import { framesBy } from "./http2-inputs.ts";

const endpointLimits: Partial<Http2Limits> = {
  initialStreamWindow: 2000,
  maxStreamWindow: 2000,
  maxConcurrentStreams: 4,
  maxQueuedRequests: 4,
  maxHeaderListBytes: 2000,
};

/** Takes a body and says what came: uses it up at once, or a part of it. */
class Taker implements BodySink {
  readonly #body: Body;
  #bytes = "";
  #end = "open";

  constructor(body: Body) {
    this.#body = body;
    body.pipe(this);
  }

  write(bytes: Uint8Array): void {
    check(this.#end === "open", "bytes behind the end");
    this.#bytes += octetsOf(bytes);
    this.#body.consumed(bytes.length);
  }
  end(trailers: Fields): void {
    this.#over(`end ${trailers.flat.join(" ")}`);
  }
  fail(error: Error): void {
    this.#over(String(error));
  }
  #over(how: string): void {
    check(this.#end === "open", "two ends");
    this.#end = how;
  }

  get over(): boolean {
    return this.#end !== "open";
  }

  /** Of a body that broke off, more or less may have come before: only how it ended counts. */
  get told(): string {
    return this.#end.startsWith("end") ? `${this.#bytes} ${this.#end}` : this.#end;
  }
}

/** A body at hand. */
function bodyOf(bytes: Uint8Array): Body {
  return {
    pipe(sink) {
      sink.write(bytes);
      sink.end(Fields.from([["t", "u"]]));
    },
    consumed() {},
    cancel() {},
  };
}

const hello = frames.ascii("hello");
const requests = [0, 1000, 2000, 3000].map((length) => new Uint8Array(length));

/** What an endpoint did with `chunks`: what it sent, what it told, and how it ended. */
interface Told {
  readonly sent: readonly string[];
  readonly calls: readonly string[];
  readonly closed: string;
}

/** How often windows are opened and bandwidth is measured depends on how the bytes were cut, and may. */
const byChunks = /^(?:WINDOW_UPDATE|PING \d|PING$|SETTINGS WINDOW)/;

function play(peer: Peer, chunks: readonly Uint8Array[], active: () => number, calls: () => string[]): Told {
  const sent: string[] = [];
  for (const chunk of chunks) {
    if (peer.closedWith !== "open") break;
    peer.wire.events!.data(chunk);
    chunk.fill(0xee);
  }
  sent.push(...peer.received());
  const closed = String(peer.closedWith);
  peer.leave();
  peer.clock.advance(5000);
  check(active() === 0, "a stream is left over");
  check(peer.clock.pending === 0, "a timer is left over");
  check(peer.closedWith !== "open", "the end was not told");
  check(!sent.some((line) => line.includes("INTERNAL_ERROR") && line.startsWith("GOAWAY")), sent.join("\n"));
  return { sent: sent.filter((line) => !byChunks.test(line)), calls: calls(), closed };
}

function playServer(chunks: readonly Uint8Array[]): Told {
  const calls: { head: string; taker: Taker; cancelled: string }[] = [];
  const handler: Handler = ({ head, body }, answer) => {
    const call = { head: JSON.stringify(head), taker: new Taker(body), cancelled: "" };
    calls.push(call);
    const asked = head.method === "GET" || head.path.length % 2 === 0;
    if (asked) answer.respond({ head: { status: 200, fields: Fields.empty }, body: bodyOf(hello) });
    return (reason) => (call.cancelled = String(reason));
  };
  const { peer, server } = serverUnderTest(handler, { limits: endpointLimits, greet: false });
  peer.send(frames.preface);
  return play(
    peer,
    chunks,
    () => server.activeStreams,
    () => calls.map(({ head, taker, cancelled }) => `${head} ${taker.told} ${cancelled}`),
  );
}

class Caller implements Answer {
  told = "";
  taker: Taker | undefined;

  respond({ head, body }: Parameters<Answer["respond"]>[0]): void {
    check(this.told === "", "two answers");
    this.told = JSON.stringify(head);
    this.taker = new Taker(body);
  }
  fail(error: Error): void {
    check(this.told === "", "two answers");
    this.told = String(error);
  }
}

function playClient(chunks: readonly Uint8Array[]): Told {
  const { peer, client } = clientUnderTest({ limits: endpointLimits, greet: false });
  const callers = ["GET", "POST", "HEAD", "POST"].map((method, i) => {
    const caller = new Caller();
    const head = { method, scheme: "http", authority: "a", path: `/${i}`, fields: Fields.empty } as const;
    client.handle({ head, body: bodyOf(requests[i]!) }, caller);
    return caller;
  });
  const told = play(
    peer,
    chunks,
    () => client.activeStreams + client.queued,
    () => callers.map((caller) => `${caller.told} ${caller.taker?.told}`),
  );
  for (const caller of callers) {
    check(caller.told !== "" && caller.taker?.over !== false, "a call has not ended");
  }
  return told;
}

function endpoint(played: (chunks: readonly Uint8Array[]) => Told, fromServer: boolean): Target {
  return {
    seeds: [
      join([frames.settings(), frames.settingsAck, frames.headers(1, fromServer ? frames.ok : frames.post("/a"))]),
      join([
        frames.settings([4, 0], [5, 20_000], [1, 0]),
        frames.headers(1, fromServer ? frames.ok : frames.get(), { end: true }),
        frames.windowUpdate(1, 100),
        frames.rst(1),
        frames.goAway(1),
      ]),
    ],
    tokens: [
      "\u0000\u0000\u0000\u0001\u0005\u0000\u0000\u0000\u0003",
      "\u0000\u0000\u0001\u0009\u0000",
      "\u007f\u007f",
    ],
    generate: (random) => framesBy(random, fromServer),
    run(input) {
      const whole = played([input.slice()]);
      const cut = played(pieces(input, randomOf(input)));
      // Once nothing is left to be done a connection closes as its read ends, which one of them may have had earlier.
      if (cut.closed !== "undefined") same(cut, whole, "cut another way");
      else for (const [i, line] of cut.sent.entries()) same(line, whole.sent[i], "cut another way");
      const calls = whole.calls.map((call) => call.slice(-40)).join(" ");
      return `${kindOf(whole.closed)} ${kindOf(calls)} ${whole.sent
        .map((line) => line.split(" ", 1)[0])
        .slice(0, 8)
        .join(" ")}`;
    },
  };
}

export const server: Target = endpoint(playServer, false);
export const client: Target = endpoint(playClient, true);
