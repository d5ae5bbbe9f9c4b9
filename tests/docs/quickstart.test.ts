/** A newcomer's path: the README's own commands, as they stand there, against an edge as `npm start` runs it. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Examples, startExamples } from "../../examples/services/examples.ts";
import { root, runDev, type RunningDev } from "../dev/cli.ts";
import { copyManifests } from "../dev/manifests.ts";
import { findTool, goCache } from "../go-tool.ts";
import { blocksOf, commandsOf, read, section } from "./markdown.ts";

const blocks = blocksOf(section(read("README.md"), "Try it"));
const commands = blocks.flatMap(({ language, text }) => (language === "sh" ? commandsOf(text) : []));
/** What the README shows of the command's output: the block behind it. */
const shown = new Map(
  blocks.flatMap(({ language, text }, index) => {
    const before = commandsOf(blocks[index - 1]?.text ?? "");
    const isShown = language === "text" && blocks[index - 1]?.language === "sh" && before.length === 1;
    return isShown ? [[before[0]!, text.trimEnd()] as const] : [];
  }),
);
/** What must be in the output of calls, by their end. */
const expected: Readonly<Record<string, string>> = {
  "helloworld.Greeter/SayHello": "Hello Ada",
  "features/469488000/74391000": "469488000",
  "/get": "x-served-by",
  list: "helloworld.Greeter",
  "Echo/Say": "env2",
};

let directory: string;
let examples: Examples;
let dev: RunningDev;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgeway-docs-"));
  // On free ports, so that tests and `npm start` can run at the same time.
  examples = await startExamples({ basePort: 0 });
  await copyManifests(examples, directory);
  const manifests = ["--manifests", join(directory, "east"), "--manifests", `west=${join(directory, "west")}`];
  dev = await runDev("--no-examples", ...manifests);
});

afterAll(async () => {
  dev.process.kill("SIGTERM");
  await dev.exited;
  await examples.close();
  await rm(directory, { recursive: true });
});

async function sh(command: string): Promise<string> {
  const own = command.replaceAll("localhost:8443", `localhost:${dev.tlsPort}`);
  const path = [dirname(process.execPath), goCache, process.env["PATH"]].join(delimiter);
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", own], {
    cwd: root,
    env: { ...process.env, PATH: path },
  });
  return stdout;
}

async function answers(command: string): Promise<void> {
  const [, answer] = Object.entries(expected).find(([end]) => command.endsWith(end)) ?? [];
  const stdout = await sh(command);
  expect(stdout).toContain(answer);
  expect(stdout).toContain(shown.get(command) ?? "");
}

const calls = commands.filter((command) => command.includes("localhost:8443"));
const isNative = (command: string): boolean => command.startsWith("grpcurl");

test.each(calls.filter((command) => !isNative(command)))("%s", answers);

test.skipIf(findTool("grpcurl") === undefined).each(calls.filter(isNative))("%s (skipped without grpcurl)", answers);

test("edgeway explain names the object that takes the call, as the README shows it", async () => {
  const [command] = commands.filter((each) => each.includes(" explain "));
  const said = await sh(command!);
  expect(said).toContain("Ingress default/grpc-services");
  expect(said).toContain(shown.get(command!));
});

test("edgeway validate finds nothing wrong with the examples", async () => {
  const [command] = commands.filter((each) => each.includes(" validate "));
  expect(await sh(command!)).toContain("0 errors, 0 warnings");
});

test("what npm start prints is what the README shows", () => {
  const promised = blocks.find(({ text }) => text.includes("edgeway ready"))!.text;
  const form = (text: string): string =>
    text.replaceAll(/localhost:\d+/g, "localhost:PORT").replace(/#token=\S+/, "#token=…");
  const printed = form(dev.stdout());
  for (const line of form(promised).split("\n").slice(2)) expect(printed).toContain(line);
  for (const cluster of ["east", "west"])
    expect(dev.stderr()).toMatch(new RegExp(`^${cluster}: revision \\d is live: \\d routes$`, "m"));
});
