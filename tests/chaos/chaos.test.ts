import { expect, test } from "vitest";
import { chaos } from "./chaos.ts";

test("whatever origins do, calls end in time with a status, in bounded memory, and nothing is left", async () => {
  const result = await chaos(10, 20_261_121);
  expect(result).toMatchObject({ overdue: 0 });
  expect(result.calls).toBeGreaterThan(500);
  expect(result.statuses["OK"]).toBeGreaterThan(result.calls / 4);
  expect(result.memoryAtMost).toBeLessThan(600);
  // It waits for nothing that is not there any more.
  expect(result.drainMs).toBeLessThan(5_000);
}, 60_000);
