import { describe, expect, test } from "vitest";
import { FrameReader, type FrameEvents } from "./codec.ts";
import { ConnectionError, ErrorCode, errorCodeName, type StreamError } from "./error.ts";
import { encodeData } from "./frame/data.ts";
import { encodeGoAway, loadGoAway } from "./frame/goaway.ts";
import { encodeHeaders } from "./frame/headers.ts";
import { encodePing, encodePingAck, loadPing } from "./frame/ping.ts";
import { encodeRstStream, loadRstStream } from "./frame/rst-stream.ts";
import { encodeSettings, encodeSettingsAck, loadSettings } from "./frame/settings.ts";
import { encodeWindowUpdate, loadWindowUpdate } from "./frame/window-update.ts";
import { Output } from "./output.ts";
import { frame, join } from "./testing/frames.ts";

/** What a reader made of what it read, a line per event; pieces of one DATA frame are put together. */
class Recorder implements FrameEvents {
  readonly events: string[] = [];
  #data = 0;

  onData(streamId: number, piece: Uint8Array, charge: number, padding: number, end: boolean): void {
    if (charge > 0) this.#data = charge - padding;
    this.#data -= piece.length;
    expect(this.#data).toBeGreaterThanOrEqual(0);
    if (this.#data === 0) this.events.push(`data ${streamId} padding ${padding}${end ? " end" : ""}`);
    else expect(end).toBe(false);
  }
  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const sum = bytes.subarray(start, end).reduce((total, byte) => total + byte, 0);
    this.events.push(`headers ${streamId} ${end - start} bytes, sum ${sum}${endStream ? " end" : ""}`);
  }
  onRefusedHeaders(streamId: number): void {
    this.events.push(`refused headers ${streamId}`);
  }
  onPriority(): void {
    this.events.push("priority");
  }
  onRstStream(streamId: number, bytes: Uint8Array, at: number): void {
    this.events.push(`reset ${streamId} ${errorCodeName(loadRstStream(bytes, at))}`);
  }
  onSettings(bytes: Uint8Array, at: number, length: number, ack: boolean): void {
    const settings: string[] = [];
    loadSettings(bytes, at, length, (id, value) => settings.push(`${id}=${value}`));
    this.events.push(`settings${ack ? " ack" : ""} ${settings.join(" ")}`.trim());
  }
  onPing(bytes: Uint8Array, at: number, ack: boolean): void {
    this.events.push(`ping${ack ? " ack" : ""} ${loadPing(bytes, at)}`);
  }
  onGoAway(bytes: Uint8Array, at: number, length: number): void {
    const { lastStreamId, code, debug } = loadGoAway(bytes, at, length);
    this.events.push(`goaway ${lastStreamId} ${errorCodeName(code)} ${debug}`);
  }
  onWindowUpdate(streamId: number, bytes: Uint8Array, at: number): void {
    this.events.push(`window ${streamId} +${loadWindowUpdate(bytes, at)}`);
  }
  onUnknown(): void {
    this.events.push("unknown");
  }
  onStreamError(streamId: number, error: StreamError): void {
    this.events.push(`error on ${streamId}: ${errorCodeName(error.code)}`);
  }
}

const limits = {
  maxContinuations: 16,
  maxBlockBytes: 100_000,
  exceeded: (limit: string) => new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, limit),
};

function readAll(bytes: Uint8Array, sizes: (i: number) => number): string[] {
  const recorder = new Recorder();
  const reader = new FrameReader(recorder, limits);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const next = at + sizes(i);
    reader.receive(bytes.subarray(at, next));
    at = next;
  }
  expect(reader.unfinished).toBe(false);
  return recorder.events;
}

/** One of each frame, as our encoders write them. */
function encoded(): Uint8Array {
  const parts: Uint8Array[] = [];
  const output = new Output({
    write: (bytes) => {
      parts.push(bytes.slice());
      return true;
    },
    schedule() {},
  });
  const block = Uint8Array.from({ length: 40_000 }, (_, i) => i);
  encodeSettings(output, [
    [3, 100],
    [4, 0x7fffffff],
  ]);
  encodeSettingsAck(output);
  encodeHeaders(output, 1, block, 100, false, 16_384);
  encodeHeaders(output, 3, block, 40_000, true, 16_384);
  encodeData(output, 1, block, 10, 9000);
  encodeData(output, 5, block, 0, 0);
  output.endStream(5, true);
  encodePing(output, 0xdeadbeef);
  encodePingAck(output, Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 1, 2), 1);
  encodeWindowUpdate(output, 0, 0x7fffffff);
  encodeWindowUpdate(output, 7, 1);
  encodeRstStream(output, 7, ErrorCode.HTTP_1_1_REQUIRED);
  encodeGoAway(output, 0x7fffffff, ErrorCode.ENHANCE_YOUR_CALM, "why");
  output.flush();
  return join(...parts);
}

const expected = [
  "settings 3=100 4=2147483647",
  "settings ack",
  "headers 1 100 bytes, sum 4950",
  "headers 3 40000 bytes, sum 5093856 end",
  "data 1 padding 0",
  "data 5 padding 0 end",
  "ping 3735928559",
  "ping ack 258",
  "window 0 +2147483647",
  "window 7 +1",
  "reset 7 HTTP_1_1_REQUIRED",
  "goaway 2147483647 ENHANCE_YOUR_CALM why",
];

describe("what our encoders write is read back", () => {
  test.each<[string, (i: number) => number]>([
    ["in one read", () => Infinity],
    ["byte by byte", () => 1],
    ["in reads of nine", () => 9],
    ["in reads of ever-different sizes", (i) => 1 + ((i * 7919) % 4001)],
  ])("%s", (_how, sizes) => {
    expect(readAll(encoded(), sizes)).toEqual(expected);
  });
});

test("padding, priority and reserved bits are passed over, whatever way the bytes come", () => {
  const bytes = join(
    frame(0, 0x9, 1, [3, 1, 2, 0, 0, 0]),
    frame(0, 0x8, 1, [0]),
    frame(1, 0x2d, 0x80000003, [1, 0x80, 0, 0, 1, 16, 5, 5, 0]),
    frame(2, 0, 5, [0, 0, 0, 1, 16]),
    frame(0x20, 0xff, 0, new Uint8Array(100)),
  );
  for (const sizes of [() => Infinity, () => 1, () => 4]) {
    expect(readAll(bytes, sizes)).toEqual([
      "data 1 padding 4 end",
      "data 1 padding 1",
      "headers 3 2 bytes, sum 10 end",
      "priority",
      "unknown",
    ]);
  }
});

test("an error that concerns one stream leaves the reader at the next frame", () => {
  const bytes = join(frame(2, 0, 1, [0, 0, 0, 1, 16]), frame(2, 0, 1, [0]), frame(6, 0, 0, new Uint8Array(8)));
  expect(readAll(bytes, () => 3)).toEqual(["error on 1: PROTOCOL_ERROR", "error on 1: FRAME_SIZE_ERROR", "ping 0"]);
});

test.each<[string, Uint8Array, keyof typeof ErrorCode]>([
  ["padding as long as the frame", frame(0, 8, 1, [3, 0, 0]), "PROTOCOL_ERROR"],
  ["a padded frame without a pad length", frame(0, 8, 1), "FRAME_SIZE_ERROR"],
  ["HEADERS too short for its priority", frame(1, 0x24, 1, [0, 0, 0]), "FRAME_SIZE_ERROR"],
  ["DATA on stream 0", frame(0, 0, 0), "PROTOCOL_ERROR"],
  ["HEADERS on stream 0", frame(1, 4, 0), "PROTOCOL_ERROR"],
  ["SETTINGS on a stream", frame(4, 0, 1), "PROTOCOL_ERROR"],
  ["SETTINGS of seven bytes", frame(4, 0, 0, new Uint8Array(7)), "FRAME_SIZE_ERROR"],
  ["an ACK of SETTINGS with settings", frame(4, 1, 0, new Uint8Array(6)), "FRAME_SIZE_ERROR"],
  ["ENABLE_PUSH of 2", frame(4, 0, 0, [0, 2, 0, 0, 0, 2]), "PROTOCOL_ERROR"],
  ["INITIAL_WINDOW_SIZE of 2^31", frame(4, 0, 0, [0, 4, 128, 0, 0, 0]), "FLOW_CONTROL_ERROR"],
  ["MAX_FRAME_SIZE of 16383", frame(4, 0, 0, [0, 5, 0, 0, 0x3f, 0xff]), "PROTOCOL_ERROR"],
  ["GOAWAY of seven bytes", frame(7, 0, 0, new Uint8Array(7)), "FRAME_SIZE_ERROR"],
  ["WINDOW_UPDATE of three bytes", frame(8, 0, 1, new Uint8Array(3)), "FRAME_SIZE_ERROR"],
  ["CONTINUATION of another stream", join(frame(1, 0, 1), frame(9, 4, 3)), "PROTOCOL_ERROR"],
])("%s is a connection error", (_what, bytes, code) => {
  expect(() => readAll(bytes, () => Infinity)).toThrow(expect.objectContaining({ code: ErrorCode[code] }));
});
