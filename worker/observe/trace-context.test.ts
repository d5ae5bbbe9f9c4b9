import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { traceOf, withTrace } from "./trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
/** The digits that a new id is made of. */
const digits = (digit: string) => (count: number) => digit.repeat(count);
const from = (traceparent: string) => new Fields(["traceparent", traceparent]);

test.each([
  ["01", true],
  ["00", false],
  ["03", true],
])("a caller's trace goes on, and its flags %s decide whether spans are recorded", (flags, sampled) => {
  const trace = traceOf(from(`00-${traceId}-${parentId}-${flags}`), 0.5, digits("a"));
  expect(trace).toEqual({ traceId, parentId, spanId: "a".repeat(16), sampled });
});

test("a later version is read as far as it is known", () => {
  expect(traceOf(from(`cc-${traceId}-${parentId}-01-what-is-new`), 0, digits("a"))).toMatchObject({
    traceId,
    parentId,
  });
});

test.each([
  "",
  "00",
  `00-${traceId}-${parentId}`,
  `00-${traceId}-${parentId}-01-more`,
  `00-${"0".repeat(32)}-${parentId}-01`,
  `00-${traceId}-${"0".repeat(16)}-01`,
  `ff-${traceId}-${parentId}-01`,
  `00-${traceId.toUpperCase()}-${parentId}-01`,
])("%j is no place in a trace: one begins", (traceparent) => {
  const trace = traceOf(from(traceparent), 1, digits("b"));
  expect(trace).toEqual({ traceId: "b".repeat(32), parentId: undefined, spanId: "b".repeat(16), sampled: true });
});

test.each([
  [0, "0", false],
  [0.5, "7", true],
  [0.5, "8", false],
  [1, "f", true],
])("of traces that begin, a share of %f is recorded: the id %s… is %s", (ratio, digit, sampled) => {
  expect(traceOf(Fields.empty, ratio, digits(digit)).sampled).toBe(sampled);
});

test("the origin gets the edge's span in place of the caller's, and the vendors' state as it is", () => {
  const fields = new Fields(["a", "1", "traceparent", "old", "tracestate", "x=y"]);
  const trace = { traceId, spanId: parentId, parentId: undefined, sampled: true };
  expect([...withTrace(fields, trace)]).toEqual([
    ["a", "1"],
    ["tracestate", "x=y"],
    ["traceparent", `00-${traceId}-${parentId}-01`],
  ]);
});
