/** The documents of the repository, as far as tests hold them to what they say. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../dev/cli.ts";

/** Paths from the repository's root. */
export const documents: readonly string[] = globSync(["*.md", "docs/*.md", "examples/*.md"], { cwd: root });

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export interface Block {
  /** What stands behind the opening fence; empty: nothing. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a document, in their order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(([, indent, language, text]) => ({
    language: language!,
    text: text!.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** The text under a heading of the second level, up to the next one. */
export function section(markdown: string, heading: string): string {
  const found = markdown.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`there is no section ${heading}`);
  return found;
}

/** What links of a document lead to; those in blocks and in code are none. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "").replaceAll(/`[^`\n]*`/g, "code");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The commands of a shell block, one a line, without comments and with continued lines in one. */
export function commandsOf(block: string): string[] {
  const lines = block.replaceAll(/\\\n\s*/g, "").split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/** A command's words, without variables before it and without quotes. */
export function wordsOf(command: string): string[] {
  const words = [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replaceAll(/['"]/g, ""));
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  return words.slice(first);
}
