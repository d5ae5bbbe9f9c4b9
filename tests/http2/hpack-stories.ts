/**
 * `node tests/http2/hpack-stories.ts FOLDER`: decodes every story of a checkout of http2jp/hpack-test-case, and has our
 * own encoder's blocks of the same lists decoded again. Prints a line per encoder and a summary last.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Decoder } from "../../worker/http2/hpack/decoder.ts";
import { Encoder } from "../../worker/http2/hpack/encoder.ts";

interface Story {
  readonly cases: readonly {
    readonly header_table_size?: number;
    readonly wire?: string;
    readonly headers: readonly Readonly<Record<string, string>>[];
  }[];
}

const limits = { maxHeaderListBytes: 1 << 24, maxHeaderFields: 1 << 16 };
/** No story's table is larger. */
const maxTableBytes = 65_536;

function story(path: string): Story {
  const parsed: Story = JSON.parse(readFileSync(path, "utf8"));
  return parsed;
}

function decodesAs(decoder: Decoder, block: Uint8Array, expected: readonly string[]): boolean {
  const { flat } = decoder.decode(block, 0, block.length);
  return flat.length === expected.length && flat.every((part, i) => part === expected[i]);
}

/** Cases that came out right, and all. */
function run({ cases }: Story): [passed: number, all: number] {
  const decoder = new Decoder(limits, maxTableBytes);
  const encoder = new Encoder();
  const ours = new Decoder(limits, maxTableBytes);
  let passed = 0;
  for (const { wire, headers } of cases) {
    const flat = headers.flatMap((field) => Object.entries(field).flat());
    encoder.begin();
    for (let i = 0; i < flat.length; i += 2) encoder.field(flat[i]!, flat[i + 1]!, false);
    const encoded = decodesAs(ours, encoder.block.subarray(0, encoder.length), flat);
    const decoded = wire === undefined || decodesAs(decoder, Buffer.from(wire, "hex"), flat);
    if (encoded && decoded) passed++;
  }
  return [passed, cases.length];
}

const folder = process.argv[2]!;
let [passed, all] = [0, 0];
for (const encoder of readdirSync(folder, { withFileTypes: true })) {
  if (!encoder.isDirectory() || encoder.name.startsWith(".")) continue;
  const files = readdirSync(join(folder, encoder.name)).filter((name) => name.endsWith(".json"));
  const results = files.map((name) => run(story(join(folder, encoder.name, name))));
  const sum = (at: 0 | 1): number => results.reduce((total, result) => total + result[at], 0);
  if (files.length > 0) console.log(`${encoder.name}: ${sum(0)} of ${sum(1)}`);
  passed += sum(0);
  all += sum(1);
}
console.log(`${all} cases, ${passed} passed`);
process.exit(passed === all ? 0 : 1);
