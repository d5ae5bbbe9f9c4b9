import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { version } from "./version.ts";

test("what metrics and the command give for Edgeway's version is package.json's", () => {
  const file = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
  expect(version).toBe((JSON.parse(file) as { version: string }).version);
});
