import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import type { Manifests } from "./manifests.ts";
import { formatEntry } from "./report.ts";
import type { FilesSource } from "./source-files.ts";
import { watchFiles } from "./source-files.ts";

let root = "";
let source: FilesSource | undefined;
let latest: Manifests = { objects: [], report: [] };
const errors: string[] = [];
let wake: (() => void) | undefined;

beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "edgeway-files-")), "manifests");
  await mkdir(root);
  errors.length = 0;
});

afterEach(async () => {
  source?.close();
  await rm(join(root, ".."), { recursive: true });
});

async function start(): Promise<void> {
  source = await watchFiles({
    directory: root,
    clock: systemClock,
    random: () => 0.1,
    onRead: (manifests) => {
      latest = manifests;
      wake?.();
    },
    onError: (reason) => {
      errors.push(reason);
      wake?.();
    },
  });
}

function names(): string {
  return latest.objects.map(({ metadata }) => metadata.name).join(" ");
}

/** The next time that `done` holds after a reading or an error. */
async function until(done: () => boolean): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- one event after the other
  while (!done()) await new Promise<void>((resolve) => (wake = resolve));
}

function write(path: string, name: string): Promise<void> {
  return writeFile(join(root, path), `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}`);
}

test("files of all three endings are read, in every directory but hidden ones, in the order of their paths", async () => {
  await mkdir(join(root, "b", "c"), { recursive: true });
  await mkdir(join(root, ".git"));
  await write("z.yaml", "one");
  await write("b/c/x.yml", "two");
  await write("a.json", "three");
  await write("notes.txt", "not-this");
  await write(".a.yaml", "nor-this");
  await write(".git/a.yaml", "nor-that");
  await start();
  expect(names()).toBe("three two one");
  expect(latest.report).toEqual([]);
});

test("a mounted ConfigMap is followed when its link is swapped", async () => {
  await mkdir(join(root, "..one"));
  await mkdir(join(root, "..two"));
  await write("..one/a.yaml", "one");
  await write("..two/a.yaml", "two");
  await symlink("..one", join(root, "..data"));
  await symlink(join("..data", "a.yaml"), join(root, "a.yaml"));
  await start();
  expect(names()).toBe("one");
  await symlink("..two", join(root, "..tmp"));
  await rename(join(root, "..tmp"), join(root, "..data"));
  await until(() => names() === "two");
});

test("a directory that vanishes is said once, its objects stay, and it is read again when it is back", async () => {
  await write("a.yaml", "one");
  await start();
  await rename(root, `${root}-away`);
  await until(() => errors.length > 0);
  expect(errors).toEqual([
    `cannot read manifests from ${root}: no such directory; what was read before stays until it can be`,
  ]);
  expect(names()).toBe("one");
  await mkdir(root);
  await write("a.yaml", "two");
  await until(() => names() === "two");
  await write("a.yaml", "three");
  await until(() => names() === "three");
  expect(errors).toHaveLength(1);
});

test("a file that is too large, or is not one, is reported alone", async () => {
  await write("a.yaml", "one");
  await write("large.yaml", "large");
  await truncate(join(root, "large.yaml"), 9 * 1024 * 1024);
  await symlink("nowhere.yaml", join(root, "broken.yaml"));
  await symlink(".", join(root, "loop.yaml"));
  await start();
  expect(names()).toBe("one");
  expect(latest.report.map(formatEntry)).toEqual([
    "large.yaml: error: is larger than 8 MiB",
    "loop.yaml: error: is not a file",
  ]);
});

test("while a file is no YAML, what it held before stays, and is said to", async () => {
  await write("a.yaml", "one");
  await write("b.yaml", "two");
  await start();
  await writeFile(join(root, "a.yaml"), "{half: [an, edit");
  await until(() => latest.report.length > 0);
  expect(latest.report[0]).toMatchObject({ source: { file: "a.yaml" }, level: "error", unreadable: true });
  expect(latest.report[0]!.reason).toMatch(/\S; what the file held before stays until it can be read$/);
  await write("b.yaml", "three");
  await until(() => names() === "one three");
  await write("a.yaml", "four");
  await until(() => names() === "four three");
  expect(latest.report).toEqual([]);
});

test("of a file that was never YAML nothing is said to stay", async () => {
  await writeFile(join(root, "a.yaml"), "{half: [an, edit");
  await start();
  await writeFile(join(root, "a.yaml"), "{half: [another, edit");
  await write("b.yaml", "one");
  await until(() => names() === "one");
  expect(latest.report.map(({ reason }) => reason)).toEqual([expect.not.stringContaining("stays")]);
});

test("edits that follow each other quickly end with the last", async () => {
  await start();
  for (let i = 0; i < 50; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one edit after the other
    await write("a.yaml", `n${i}`);
  }
  await until(() => names() === "n49");
});
