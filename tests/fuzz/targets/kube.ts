/** What a cluster's objects say, in YAML. */
import { toBinary } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { readManifests } from "../../../kube-sync/manifests.ts";
import { translate } from "../../../kube-sync/translate/translate.ts";
import { decode } from "../../../routes/decode.ts";
import type { Random } from "../../http2/random.ts";
import { bytesOf, check, kindOf, one, same, type Target, textOf } from "../target.ts";
import { goldens } from "./goldens.ts";

const files = goldens(3);

const scalars = [
  "",
  "null",
  "~",
  "true",
  "0",
  "-1",
  "1e400",
  "65536",
  '""',
  '"*"',
  "[]",
  "{}",
  "[1, [2]]",
  "{a: {b: c}}",
  "&a [*a]",
  "*a",
  "<<: *a",
  "!!binary AAAA",
  "2001-01-01",
  "__proto__",
  "{__proto__: {x: 1}}",
  "constructor",
  '"\\0"',
  "é",
  "/",
  "(",
  "GET",
  "Exact",
  "a.example.com",
  '{"a":',
  "|",
];

/** A file with the values of some of its lines changed, or lines moved, taken out and doubled. */
function changed(random: Random): string {
  const lines = one(random, files).split("\n");
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(lines.length);
    const line = lines[at]!;
    const colon = line.indexOf(": ");
    switch (random.below(6)) {
      case 0:
        lines.splice(at, 1 + random.below(3));
        break;
      case 1:
        lines.splice(at, 0, ...lines.slice(at, at + 1 + random.below(8)));
        break;
      case 2:
        lines[at] = `${" ".repeat(random.below(4))}${line}`;
        break;
      default:
        lines[at] =
          colon < 0 ? `${line} ${one(random, scalars)}` : `${line.slice(0, colon + 2)}${one(random, scalars)}`;
    }
  }
  return lines.join("\n");
}

export const yaml: Target = {
  seeds: [
    ...files.map(bytesOf),
    ...[
      "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
      "[".repeat(3000),
      "? ".repeat(20_000),
      `k:\n  ${"api: s.".repeat(20_000)}\nx: 1`,
      "- ".repeat(500),
      "---\n".repeat(50),
      "? {",
    ].map(bytesOf),
  ],
  tokens: [
    ...scalars,
    "---\n",
    "\n  ",
    ": ",
    "- ",
    "kind: List\nitems:\n",
    "kind: Ingress",
    "%YAML 1.2",
    "\t",
    "\u0000",
  ],
  generate: (random) => bytesOf(changed(random)),
  run(input) {
    const { objects, report } = readManifests(textOf(input), "in.yaml");
    const options = { cluster: "east", adoptAll: input.length % 2 === 0 };
    const { table, report: more } = translate(objects, options);
    same(decode(table).issues, undefined, "a table that the edge refuses");
    const other = translate(objects.toReversed(), options).table;
    const distinct = new Set(objects.map(({ kind, metadata }) => `${kind}/${metadata.namespace}/${metadata.name}`))
      .size;
    if (distinct === objects.length) {
      const bytes = toBinary(ClusterTableSchema, table);
      check(Buffer.compare(bytes, toBinary(ClusterTableSchema, other)) === 0, "another order gives another table");
    }
    const reasons = [...report, ...more].map(({ reason }) => kindOf(reason));
    return [...new Set(reasons)].toSorted().slice(0, 3).join("; ");
  },
};
