/** The files and directories that settings name: what is wrong with one is said with the setting, in plain words. */
import { mkdirSync, readFileSync } from "node:fs";

const reasons: ReadonlyMap<string | undefined, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "it is a directory"],
  ["ENOTDIR", "there is a file where a directory would be"],
  ["EEXIST", "it is no directory"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "no space is left"],
]);

/** An error in one line. */
export function fileProblem(setting: string, file: string, reason: string, cause?: unknown): Error {
  return new Error(`${setting} ${file}: ${reason}`, { cause });
}

/** @throws Error in one line */
export function readText(setting: string, file: string): string {
  return told(setting, file, () => readFileSync(file, "utf8"));
}

/**
 * A directory that others cannot read, unless it is there.
 *
 * @throws Error in one line
 */
export function makeDirectory(setting: string, directory: string): void {
  told(setting, directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }));
}

function told<T>(setting: string, file: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw fileProblem(setting, file, reasons.get(code) ?? message, cause);
  }
}
