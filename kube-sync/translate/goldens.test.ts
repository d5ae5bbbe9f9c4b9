import type { JsonValue } from "@bufbuild/protobuf";
import { toJson } from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { decode } from "../../routes/decode.ts";
import { readManifests } from "../manifests.ts";
import { formatEntry, sortReport } from "../report.ts";
import type { TranslateOptions } from "./context.ts";
import type { Condition, ObjectStatus } from "./status.ts";
import { translate } from "./translate.ts";

/**
 * testdata/NAME.in.yaml: a cluster's objects; NAME.out.yaml: the table, certificates, statuses and report that they give.
 * First lines "# options: {...}" have options, such as adoptAll: false to read them as in production. UPDATE_GOLDENS=1
 * writes the out files anew.
 */
const TESTDATA = join(import.meta.dirname, "testdata");
const NAMES = readdirSync(TESTDATA)
  .filter((file) => file.endsWith(".in.yaml"))
  .map((file) => file.slice(0, -".in.yaml".length));

function run(name: string, order: <T>(objects: readonly T[]) => T[]) {
  const text = readFileSync(join(TESTDATA, `${name}.in.yaml`), "utf8");
  const { objects, report } = readManifests(text, "in.yaml");
  const translation = translate(order(objects), { cluster: "east", adoptAll: true, ...optionsOf(text) });
  const { table, certificates } = translation;
  const output = {
    table: withoutPem(toJson(ClusterTableSchema, table)),
    certificates: certificates.map(({ hostnames, source }) => ({
      hostnames,
      secret: `${source.namespace}/${source.name}`,
    })),
    ...(translation.statuses.length === 0 ? {} : { statuses: translation.statuses.map(readableStatus) }),
    report: sortReport([...report, ...translation.report]).map((entry) =>
      formatEntry({ ...entry, source: { ...entry.source, file: "" } }),
    ),
  };
  return { table, text: stringify(output, { lineWidth: 120, aliasDuplicateObjects: false }) };
}

/** Of JSON in the first line. */
function optionsOf(text: string): Partial<TranslateOptions> {
  const [, json = "{}"] = /^# options: (.*)\n/.exec(text) ?? [];
  const { adoptClasses, ...options } = JSON.parse(json) as Partial<TranslateOptions> & { adoptClasses?: string[] };
  return { ...options, ...(adoptClasses && { adoptClasses: new Set(adoptClasses) }) };
}

/** Certificates and keys by their hash. */
function withoutPem(value: JsonValue): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
    typeof item === "string" && item.startsWith("-----BEGIN")
      ? `${item.split("\n")[0]} ${createHash("sha256").update(item).digest("hex").slice(0, 8)}`
      : item,
  ) as unknown;
}

/** Conditions as lines: "Accepted=False NoMatchingParent: message". */
function readableStatus({ kind, namespace, name, conditions, listeners, parents, ancestors }: ObjectStatus) {
  return {
    object: `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`,
    ...(conditions && { conditions: conditions.map(readable) }),
    ...(listeners && {
      listeners: listeners.map((listener) => ({
        ...listener,
        supportedKinds: listener.supportedKinds.map((supported) => supported.kind).join(", "),
        conditions: listener.conditions.map(readable),
      })),
    }),
    ...(ancestors && {
      ancestors: ancestors.map(({ ancestorRef, conditions: own }) => ({
        ancestorRef: `${ancestorRef["kind"]} ${ancestorRef["namespace"]}/${ancestorRef["name"]}`,
        conditions: own.map(readable),
      })),
    }),
    ...(parents && {
      parents: parents.map(({ parentRef, ...rest }) => ({
        parentRef: Object.fromEntries(Object.entries(parentRef).filter(([key]) => key !== "group" && key !== "kind")),
        conditions: rest.conditions.map(readable),
      })),
    }),
  };
}

function readable({ type, status, reason, message, observedGeneration }: Condition): string {
  const generation = observedGeneration === 0 ? "" : ` (generation ${observedGeneration})`;
  return `${type}=${status}${reason === type ? "" : ` ${reason}`}${message === "" ? "" : `: ${message}`}${generation}`;
}

/** A shuffle that a seed repeats (mulberry32). */
function shuffle(seed: number): <T>(objects: readonly T[]) => T[] {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return (objects) =>
    objects
      .map((object) => ({ object, rank: random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ object }) => object);
}

describe.each(NAMES)("%s", (name) => {
  const { table, text } = run(name, (objects) => [...objects]);

  test("gives the table, certificates and report of its golden", () => {
    const file = join(TESTDATA, `${name}.out.yaml`);
    if (process.env["UPDATE_GOLDENS"] === "1") writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, "utf8"));
  });

  test("gives a table that the edge accepts", () => {
    expect(decode(table).issues).toBeUndefined();
  });

  test("gives the same for its objects in any order", () => {
    for (const seed of [1, 2, 3, 4, 5]) expect(run(name, shuffle(seed)).text).toBe(text);
  });
});

test("each golden has its input", () => {
  const outputs = readdirSync(TESTDATA).filter((file) => file.endsWith(".out.yaml"));
  expect(outputs.toSorted()).toEqual(NAMES.map((name) => `${name}.out.yaml`).toSorted());
});
