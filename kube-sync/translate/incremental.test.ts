import { toBinary } from "@bufbuild/protobuf";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { readManifests } from "../manifests.ts";
import type { KubeObject } from "../objects/object.ts";
import { keyOf } from "../objects/object.ts";
import type { Translation } from "./translate.ts";
import { translate, Translator } from "./translate.ts";

const TESTDATA = join(import.meta.dirname, "testdata");
const OPTIONS = { cluster: "east", adoptAll: true, pushCertificates: true };

/** The objects of each golden. */
const WORLDS: readonly (readonly KubeObject[])[] = readdirSync(TESTDATA)
  .filter((file) => file.endsWith(".in.yaml"))
  .map((file) => readManifests(readFileSync(join(TESTDATA, file), "utf8"), file).objects);

/** mulberry32 */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function plain({ table, certificates, statuses, report, origins }: Translation) {
  const bytes = Buffer.from(toBinary(ClusterTableSchema, table)).toString("base64");
  return { bytes, certificates, statuses, report, origins };
}

/** One object more, one less, or one with other annotations, another age or the spec of another of its kind. */
function edit(objects: Map<string, KubeObject>, pool: readonly KubeObject[], random: (below: number) => number): void {
  const one = pool[random(pool.length)]!;
  const present = [...objects.keys()];
  const kind = random(4);
  if (kind === 0) objects.set(keyOf(one), one);
  else if (kind === 1 && present.length > 0) objects.delete(present[random(present.length)]!);
  else {
    const other = objects.get(present[random(Math.max(1, present.length))] ?? "") ?? one;
    const same = pool.filter((each) => each.kind === other.kind);
    const donor = same[random(same.length)] ?? one;
    const { name, namespace } = other.metadata;
    const metadata = { ...donor.metadata, name, namespace, createdSeconds: random(3) };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the donor has the same kind
    const edited = { ...(kind === 2 ? donor : other), metadata, file: other.file } as KubeObject;
    objects.set(keyOf(edited), edited);
  }
}

test("after any edits a translator gives what a translation of everything gives", () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = randomOf(seed);
    const pool = Array.from({ length: 4 }, () => WORLDS[random(WORLDS.length)]!).flat();
    const objects = new Map(pool.map((object) => [keyOf(object), object]));
    const translator = new Translator(OPTIONS);
    for (let round = 0; round < 25; round++) {
      for (let edits = random(3); edits >= 0; edits--) edit(objects, pool, random);
      const now = [...objects.values()];
      const found = plain(translator.translate(now));
      expect(found, `seed ${seed}, round ${round}`).toEqual(plain(translate(now, OPTIONS)));
    }
  }
}, 60_000);

test("what did not change are the same messages, statuses and report entries as before", () => {
  const text = readFileSync(join(TESTDATA, "http-route-mirror.in.yaml"), "utf8");
  const { objects } = readManifests(text, "in.yaml");
  const translator = new Translator(OPTIONS);
  const before = translator.translate(objects);
  const again = translator.translate([...objects]);
  expect(again.table.routes.every((route, i) => route === before.table.routes[i])).toBe(true);
  expect(again.table.backends.every((backend, i) => backend === before.table.backends[i])).toBe(true);
  expect(again.statuses).toBe(before.statuses);
  expect(again.report).toBe(before.report);

  const edited = objects.map((object) =>
    object.kind === "GRPCRoute" ? { ...object, spec: { ...object.spec, rules: [] } } : object,
  );
  const after = translator.translate(edited);
  const kept = (key: string) =>
    after.table.routes.find((route) => route.key === key) === before.table.routes.find((route) => route.key === key);
  expect(before.table.routes.map(({ key }) => key)).toEqual([
    "GRPCRoute/default/calls/http",
    "HTTPRoute/default/web/http",
  ]);
  expect(kept("HTTPRoute/default/web/http")).toBe(false); // its backends were used in another way, too
  expect(after.table.routes.map(({ key }) => key)).toEqual(["HTTPRoute/default/web/http"]);
});
