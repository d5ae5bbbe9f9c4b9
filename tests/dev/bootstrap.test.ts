import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, run } from "./cli.ts";

let script: string;

beforeAll(async () => {
  script = join(await mkdtemp(join(tmpdir(), "edgeway-bootstrap-")), "script.mjs");
  await writeFile(
    script,
    `if (process.argv[2] === "wait") process.on("SIGTERM", () => process.exit(4)), setInterval(() => {}, 1000);
     else process.exitCode = Number(process.argv[2]);
     console.log(JSON.stringify({ node: process.version, args: process.argv.slice(2) }));`,
  );
});

afterAll(() => rm(join(script, ".."), { recursive: true }));

test("a script gets its arguments and the package's own Node, and gives its exit code", async () => {
  const running = run("cli/bootstrap.mjs", script, "7", "--flag");
  expect(await running.exited).toBe(7);
  const said = JSON.parse(running.stdout());
  expect(said).toEqual({ node: expect.stringMatching(/^v24\./), args: ["7", "--flag"] });
  expect(running.stderr()).toBe("");
});

test("--version is package.json's", async () => {
  const running = run("cli/main.ts", "--version");
  expect(await running.exited).toBe(0);
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  expect(running.stdout()).toBe(`${version}\n`);
});

test("a signal reaches the script", async () => {
  const running = run("cli/bootstrap.mjs", script, "wait");
  await expect.poll(running.stdout).toContain("wait");
  running.process.kill("SIGTERM");
  expect(await running.exited).toBe(4);
});
