import { expect, test } from "vitest";
import { RetryBudget } from "./budget.ts";

/** Withdrawals until there are no more. */
function rest(budget: RetryBudget, now: number): number {
  let count = 0;
  while (budget.withdraw(now)) count++;
  return count;
}

test("there are ten retries a second without any calls, over ten seconds", () => {
  const budget = new RetryBudget();
  expect(rest(budget, 0)).toBe(100);
  expect(rest(budget, 9_999)).toBe(0);
  expect(rest(budget, 10_000)).toBe(100);
});

test("and one for every five calls of the last ten seconds", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 1000; i++) budget.called(5_000 + i);
  expect(rest(budget, 6_000)).toBe(300);
  expect(rest(budget, 15_500)).toBe(0);
  expect(rest(budget, 16_500)).toBe(100);
});
