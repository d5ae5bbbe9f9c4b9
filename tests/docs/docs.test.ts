/** The documents say what is true: links lead somewhere, commands and options exist, examples are taken. */
import { execFileSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { parseClusters } from "../../worker/admin/clusters.ts";
import { root } from "../dev/cli.ts";
import { anchorsOf, blocksOf, commandsOf, documents, linksOf, read, wordsOf } from "./markdown.ts";

const { tasks } = JSON.parse(read("deno.json")) as { readonly tasks: Readonly<Record<string, string>> };
const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };

test.each(documents)("every link of %s leads somewhere", (path) => {
  for (const link of linksOf(read(path)).filter((each) => !/^[a-z]+:/.test(each))) {
    const [file, anchor] = link.split("#") as [string, string?];
    const target = file === "" ? path : normalize(join(dirname(path), file));
    expect(existsSync(join(root, target)), `${path}: ${link}`).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(read(target)), `${path}: ${link}`).toContain(anchor);
  }
});

/** The help of a command of `edgeway`; of itself without one. */
const helps = new Map<string, string>();
function helpOf(...command: string[]): string {
  const key = command.join(" ");
  const args = [join(root, "cli/main.ts"), ...command, "--help"];
  const help = helps.get(key) ?? execFileSync(process.execPath, args, { encoding: "utf8" });
  helps.set(key, help);
  return help;
}

function checkEdgeway([command, ...args]: readonly string[]): void {
  if (command === undefined || !/^[a-z]/.test(command)) return;
  expect(helpOf(), `edgeway ${command}`).toMatch(new RegExp(`^  ${command} `, "m"));
  const help = helpOf(command);
  for (const option of args.filter((arg) => /^--?[a-zA-Z]/.test(arg) && arg !== "--help"))
    expect(help, `edgeway ${command} ${option}`).toMatch(new RegExp(`(^|[\\s(])${option.replace(/=.*/, "")}\\b`, "m"));
}

/** Holds a command to what it calls: scripts of package.json, and the options of `edgeway`. */
function checkCommand(words: readonly string[]): void {
  const [program, verb, ...others] = words;
  const name = others.find((word) => !word.startsWith("-"));
  const dashes = words.indexOf("--");
  const rest = dashes < 0 ? [] : words.slice(dashes + 1);
  if (program === "edgeway") return checkEdgeway(words.slice(1));
  if (program === "deno" && verb === "task") expect(Object.keys(tasks), words.join(" ")).toContain(name);
  if (program !== "npm") return;
  if (verb === "start") return checkEdgeway(["dev", ...rest]);
  if (verb !== "run") return;
  expect(Object.keys(scripts), words.join(" ")).toContain(name);
  if (name === "edgeway") checkEdgeway(rest);
  if (name === "bench") expect(existsSync(join(root, `tests/bench/${rest[0]}.ts`)), words.join(" ")).toBe(true);
}

test.each(documents)("every command of %s exists, and takes its options", (path) => {
  const shells = blocksOf(read(path)).filter(({ language }) => language === "" || language === "sh");
  for (const { text } of shells) for (const command of commandsOf(text)) checkCommand(wordsOf(command));
  const inProse = [...read(path).matchAll(/`((?:npm run|edgeway) [^`\n]+)`/g)].map(([, command]) => command!);
  for (const command of inProse) checkCommand(wordsOf(command.replaceAll(/[[(|…].*/g, "")));
});

test("the lists of clusters in the guides are taken by the edge", () => {
  const lists = blocksOf(read("docs/install-in-a-cluster.md")).filter(({ language }) => language === "json");
  expect(lists.length).toBeGreaterThan(1);
  for (const { text } of lists) expect(parseClusters(text)).toHaveLength(1);
});

test("annotations that the guides name are those of docs/dialects.md", () => {
  const known = [...read("docs/dialects.md").matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
  for (const path of documents)
    for (const [, name] of read(path).matchAll(/edgeway\.dev\/([a-z]+(?:-[a-z]+)*)(?![a-z/-])/g))
      if (!name!.endsWith("-controller") && name !== "kube-sync")
        expect(known, `${path}: edgeway.dev/${name}`).toContain(name);
});

test("metrics and settings that the documents name are there", () => {
  const sources = globSync("{worker,kube-sync,cli}/**/*.ts", { cwd: root }).map(read).join("\n");
  for (const path of documents) {
    const names = read(path).matchAll(/\b(edgeway(?:_[a-z0-9]+)+|EDGEWAY(?:_[A-Z]+)+)\b(?!_)/g);
    for (const [, name] of names) expect(sources, `${path}: ${name}`).toContain(name);
  }
});

test("the layers of docs/architecture.md are those that are enforced", () => {
  const rows = [...read("docs/architecture.md").matchAll(/^\| (\d) +\| (.+?) *\|$/gm)];
  const told = rows.flatMap(([, layer, text]) =>
    [...text!.matchAll(/`([^`]+)`/g)].map(([, folder]) => `${folder}: ${layer}`),
  );
  const [, table] = /^const layers[^{]+\{([^}]+)\}/m.exec(read("tests/layers.test.ts"))!;
  const enforced = [...table!.matchAll(/"?([\w/-]+)"?: (\d)/g)].map(([, folder, layer]) => `${folder}: ${layer}`);
  expect(told.toSorted()).toEqual(enforced.toSorted());
});
