/** Frames and field blocks made by chance: most of them plausible, some of them wrong. */
import * as frames from "../../../worker/http2/testing/frames.ts";
import type { Random } from "../../http2/random.ts";
import { join, one } from "../target.ts";

const names = [
  ":method",
  ":path",
  ":status",
  ":scheme",
  ":authority",
  "content-length",
  "te",
  "connection",
  "cookie",
  "x",
];
const values = ["", "GET", "POST", "/", "200", "100", "http", "a", "5", "trailers", "y".repeat(70)];

function fieldsBy(random: Random, fromServer: boolean): frames.FieldList {
  const { below } = random;
  const start: frames.FieldList =
    below(8) === 0 ? [] : fromServer ? [[":status", one(random, ["200", "103", "404"])]] : frames.post("/x");
  return [...start, ...Array.from({ length: below(3) }, () => [one(random, names), one(random, values)] as const)];
}

/** A block of representations of every kind (RFC 7541 section 6), some of which refer to the table. */
export function blockBy(random: Random): Uint8Array {
  const { below } = random;
  const string = (): number[] => {
    const text = frames.ascii(one(random, values));
    return below(8) === 0 ? [0x80 | below(4), below(256), below(256), below(256)] : [text.length, ...text];
  };
  const field = (): number[] => {
    switch (below(6)) {
      case 0:
        return [0x80 | (1 + below(66))];
      case 1:
        return [0x40 | below(64), ...string()];
      case 2:
        return [0x40, ...string(), ...string()];
      case 3:
        return [below(2) * 16 + below(15), ...string()];
      case 4:
        return below(4) === 0 ? [0x20 | below(32)] : [0x10, ...string(), ...string()];
      default:
        return [one(random, [0x7f, 0xff, 0x3f, 0x0f]), below(256), below(128)];
    }
  };
  return Uint8Array.from(Array.from({ length: below(8) }, field).flat());
}

function frameBy(random: Random, fromServer: boolean): Uint8Array {
  const { below } = random;
  const stream = below(12) === 0 ? below(8) : 1 + 2 * below(4);
  const end = below(3) === 0;
  switch (below(14)) {
    case 0:
    case 1:
    case 2:
      return frames.headers(stream, fieldsBy(random, fromServer), { end });
    case 3:
    case 4:
      return frames.data(stream, new Uint8Array(below(300)), { end });
    case 5:
      return frames.frame(0, 8 + (end ? 1 : 0), stream, [below(20), ...new Uint8Array(below(40))]);
    case 6:
      return frames.rst(stream, below(15));
    case 7:
      return frames.windowUpdate(below(2) * stream, one(random, [0, 1, 100, 5000, 0x7fffffff]));
    case 8:
      return frames.settings([below(8), one(random, [0, 1, 100, 16_384, 200_000, 0xffffffff])]);
    case 9:
      return frames.ping(below(4), { ack: below(2) === 0 });
    case 10:
      return below(3) === 0 ? frames.goAway(below(12), below(14), "why") : frames.settingsAck;
    case 11:
      return frames.frame(below(12), below(64), stream, new Uint8Array(below(30)));
    case 12:
      return frames.frame(1, 4 | (end ? 1 : 0) | (below(4) === 0 ? 0x28 : 0), stream, blockBy(random));
    default: {
      const block = frames.literalBlock(fieldsBy(random, fromServer));
      const cut = below(block.length + 1);
      const rest = Array.from({ length: below(3) }, () => frames.frame(9, 0, stream, []));
      return join([
        frames.frame(1, end ? 1 : 0, stream, block.subarray(0, cut)),
        ...rest,
        frames.frame(9, below(8) === 0 ? 0 : 4, stream, block.subarray(cut)),
      ]);
    }
  }
}

export function framesBy(random: Random, fromServer: boolean): Uint8Array {
  const start = random.below(20) === 0 ? [] : [frames.settings(), frames.settingsAck];
  return join([...start, ...Array.from({ length: 1 + random.below(12) }, () => frameBy(random, fromServer))]);
}
