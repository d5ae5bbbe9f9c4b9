/** HPACK against other implementations, on lists made by chance. Tools that are missing are named. */
import { createServer as createHttp2Server, constants, type Http2Server, type ServerHttp2Session } from "node:http2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fields } from "../../worker/call/fields.ts";
import { Decoder } from "../../worker/http2/hpack/decoder.ts";
import { Encoder } from "../../worker/http2/hpack/encoder.ts";
import { randomList } from "./header-lists.ts";
import { newRandom } from "./random.ts";
import { call, connect, portOf } from "./subjects.ts";
import { pythonHas, run } from "./tools.ts";

const limits = { maxHeaderListBytes: 1 << 20, maxHeaderFields: 1000 };

describe.skipIf(!pythonHas("hpack"))("Python's hpack (if installed)", () => {
  test("reads what we write, over table size changes", async () => {
    const random = newRandom(1);
    const encoder = new Encoder();
    const stories = Array.from({ length: 400 }, (_, i) => {
      if (i % 40 === 39) encoder.setMaxTableBytes([0, 64, 500, 4096][random.below(4)]!);
      const list = randomList(random);
      encoder.begin();
      for (const [name, value] of list) encoder.field(name, value, random.below(10) === 0);
      return { list, wire: Buffer.from(encoder.block.subarray(0, encoder.length)).toString("hex") };
    });
    const script = `
import hpack, json, sys
decoder = hpack.Decoder(); decoder.max_header_list_size = 1 << 20
for case in json.load(sys.stdin):
    fields = [list(f) for f in decoder.decode(bytes.fromhex(case["wire"]))]
    assert fields == case["list"], (fields, case)
print("same")`;
    expect(await run("python3", ["-c", script], JSON.stringify(stories))).toEqual({ code: 0, output: "same\n" });
  });

  test("writes what we read, with and without Huffman's code, over table size changes", async () => {
    const random = newRandom(2);
    const lists = Array.from({ length: 400 }, () => randomList(random));
    const script = `
import hpack, json, sys
encoder = hpack.Encoder(); out = []
for i, fields in enumerate(json.load(sys.stdin)):
    if i % 40 == 39: encoder.header_table_size = [0, 64, 500, 4096][i // 40 % 4]
    out.append(encoder.encode([tuple(f) for f in fields], huffman=i % 2 == 0).hex())
print(json.dumps(out))`;
    const { output } = await run("python3", ["-c", script], JSON.stringify(lists));
    const wires: string[] = JSON.parse(output);
    const decoder = new Decoder(limits, 4096);
    for (const [i, wire] of wires.entries()) {
      const block = Buffer.from(wire, "hex");
      expect(decoder.decode(block, 0, block.length).flat).toEqual(lists[i]!.flat());
    }
  });
});

describe("nghttp2, in node:http2", () => {
  let server: Http2Server;
  const sessions = new Set<ServerHttp2Session>();

  beforeAll(async () => {
    server = createHttp2Server({ settings: { maxHeaderListSize: 1 << 20 }, maxHeaderListPairs: 1000 });
    server.on("session", (session) => sessions.add(session));
    server.on("stream", (stream, _headers, _flags, raw) => {
      // What came, once as the answer's body and once as its fields.
      const list = raw.filter((_, i) => !raw[i - (i % 2)]!.startsWith(":"));
      stream.respond([":status", "200", ...list, constants.HTTP2_HEADER_CONTENT_LENGTH, "0"], { endStream: true });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => server.close());

  test("reads what we write and writes what we read, while its table's size changes", async () => {
    const random = newRandom(3);
    const client = await connect(portOf(server));
    for (let i = 0; i < 300; i++) {
      if (i % 30 === 29) {
        for (const session of sessions) session.settings({ headerTableSize: [0, 100, 1000, 65_536][random.below(4)]! });
      }
      const list = randomList(random).filter(([name]) => name !== "content-type" && name !== "date");
      const reply = await call(client, { method: "GET", fields: Fields.from(list) });
      const echoed = [...reply.fields].filter(([name]) => name !== "content-length" && name !== "date");
      expect(echoed).toEqual(list);
    }
    client.close();
  });
});
