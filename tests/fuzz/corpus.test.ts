import { expect, test } from "vitest";
import { targets } from "./targets/index.ts";
import { watch } from "./watch.ts";

test.each(Object.keys(targets))("every kept input of %s is taken as it should", async (target) => {
  const { inputs, failures } = await watch({ target, seed: 0, inputs: undefined, until: Date.now() });
  expect(failures.map(({ text, file }) => `${file}: ${text}`)).toEqual([]);
  expect(inputs).toBeGreaterThan(0);
});
