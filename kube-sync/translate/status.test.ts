import { expect, test } from "vitest";
import { conditionsOf, programmed } from "./status.ts";

test("Programmed waits for the edge, and then names the revision", () => {
  const { pending } = conditionsOf(3);
  expect(programmed(pending(), 42n)).toEqual({
    type: "Programmed",
    status: "True",
    reason: "Programmed",
    message: "the edge serves it as of revision 42",
    observedGeneration: 3,
  });
});

test("what is not programmed, whatever the edge serves, stays so", () => {
  const { no, yes } = conditionsOf(1);
  const invalid = no("Programmed", "Invalid", "no such protocol");
  expect(programmed(invalid, 42n)).toBe(invalid);
  const accepted = yes("Accepted");
  expect(programmed(accepted, 42n)).toBe(accepted);
});
