/** The reader of HTTP/2 frames. */
import { type FrameEvents, FrameReader } from "../../../worker/http2/codec.ts";
import { ConnectionError, ErrorCode, StreamError } from "../../../worker/http2/error.ts";
import * as frames from "../../../worker/http2/testing/frames.ts";
import { check, join, kindOf, octetsOf, pieces, randomOf, same, type Target } from "../target.ts";
import { framesBy } from "./http2-inputs.ts";

/** What a reader says of `chunks`, the pieces of a DATA frame put together. */
function read(chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  let data = "";
  const say = (...words: unknown[]): void => void lines.push(words.join(" "));
  const bytes = (from: Uint8Array, start: number, end: number): string => octetsOf(from.subarray(start, end));
  const events: FrameEvents = {
    onData(stream, piece, charge, padding, end) {
      check(piece.length + padding <= 1 << 24, "more data than a frame has");
      if (charge > 0) data += `${stream} ${charge} `;
      data += octetsOf(piece) + "+".repeat(Math.min(padding, 1));
      if (end) data += " end";
    },
    onHeaders: (stream, from, start, end, last) => say("HEADERS", stream, bytes(from, start, end), last),
    onRefusedHeaders: (stream, from, start, end) => say("REFUSED", stream, bytes(from, start, end)),
    onPriority: () => say("PRIORITY"),
    onRstStream: (stream, from, at) => say("RST", stream, bytes(from, at, at + 4)),
    onSettings: (from, at, length, ack) => say("SETTINGS", bytes(from, at, at + length), ack),
    onPing: (from, at, ack) => say("PING", bytes(from, at, at + 8), ack),
    onGoAway: (from, at, length) => say("GOAWAY", bytes(from, at, at + length)),
    onWindowUpdate: (stream, from, at) => say("WINDOW", stream, bytes(from, at, at + 4)),
    onUnknown: () => say("UNKNOWN"),
    onStreamError: (stream, error) => say("ERROR", stream, error.message),
  };
  const exceeded = (limit: string): ConnectionError => new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, limit);
  const reader = new FrameReader(events, { maxContinuations: 4, maxBlockBytes: 4000, exceeded });
  try {
    for (const chunk of chunks) {
      reader.receive(chunk);
      chunk.fill(0xee);
    }
    say(reader.unfinished, reader.units);
  } catch (error) {
    check(error instanceof ConnectionError && !(error instanceof StreamError), String(error));
    say("GONE", error.code, error.message);
  }
  return [data, ...lines];
}

export const frameReader: Target = {
  seeds: [join([frames.settings(), frames.headers(1, frames.post()), frames.data(1, "hello", { end: true })])],
  tokens: ["\u0000\u0000\u0000", "\u0000\u0000\u0005\u0000\u0001\u0000\u0000\u0000\u0001hello", "\u007f\u007f\u007f"],
  generate: (random) => framesBy(random, random.below(2) === 0),
  run(input) {
    const whole = read([input.slice()]);
    same(read(pieces(input, randomOf(input))), whole, "cut another way");
    const last = whole.at(-1)!;
    return last.startsWith("GONE")
      ? kindOf(last)
      : whole
          .map((line) => line.split(" ", 1)[0])
          .slice(1, 5)
          .join(" ");
  },
};
