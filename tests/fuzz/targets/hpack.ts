/** HPACK: blocks of a hostile peer, and what they hold written and read again. */
import { ConnectionError } from "../../../worker/http2/error.ts";
import { type DecoderLimits, type FieldBlock, Decoder } from "../../../worker/http2/hpack/decoder.ts";
import { Encoder } from "../../../worker/http2/hpack/encoder.ts";
import { entryOverhead } from "../../../worker/http2/hpack/table.ts";
import { check, join, Refusal, same, type Target, unless } from "../target.ts";
import { blockBy } from "./http2-inputs.ts";

const limits: DecoderLimits = { maxHeaderListBytes: 2000, maxHeaderFields: 20 };

/** Blocks of an input: a byte of length, then as many bytes. */
function blocksOf(input: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < input.length; at += 1 + input[at]!) blocks.push(input.subarray(at + 1, at + 1 + input[at]!));
  return blocks;
}

function checkBlock({ flat, oversize, flaw }: FieldBlock): void {
  let bytes = 0;
  for (let i = 0; i < flat.length; i += 2) bytes += flat[i]!.length + flat[i + 1]!.length + entryOverhead;
  check(bytes <= limits.maxHeaderListBytes && flat.length <= 2 * limits.maxHeaderFields, "over the limits");
  if (oversize || flaw !== undefined) return;
  const encoder = new Encoder();
  const decoder = new Decoder(limits, 4096);
  for (let times = 0; times < 3; times++) {
    encoder.begin();
    for (let i = 0; i < flat.length; i += 2) encoder.field(flat[i]!, flat[i + 1]!, i % 6 === 4);
    same(decoder.decode(encoder.block, 0, encoder.length).flat, flat, "there and back");
  }
}

export const hpack: Target = {
  // RFC 7541 sections C.3 and C.4: the first request, as it is and in Huffman's code.
  seeds: ["14828684410f7777772e6578616d706c652e636f6d", "11828684418cf1e3c2e5f23a6ba0ab90f4ff", "043fe11f82"].map(
    (hex) => new Uint8Array(Buffer.from(hex, "hex")),
  ),
  tokens: ["\u0000", "\u007f\u007f\u007f\u007f\u007f", "?\u007f\u007f\u007f", "\u0001a\u0001b"],
  generate: (random) =>
    join(
      Array.from({ length: 1 + random.below(4) }, () => {
        const block = blockBy(random).subarray(0, 255);
        return join([Uint8Array.of(block.length), block]);
      }),
    ),
  run(input) {
    const decoder = new Decoder(limits, 4096);
    let outcome = "";
    for (const block of blocksOf(input)) {
      const fields = unless(ConnectionError, () => decoder.decode(block, 0, block.length));
      if (fields instanceof Refusal) return outcome.slice(0, 60) + fields.kind;
      checkBlock(fields);
      outcome += `${fields.flat.length === 0} ${fields.oversize} ${fields.flaw !== undefined} `;
    }
    return outcome.slice(0, 60);
  },
};
