import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative } from "node:path";
import type { Clock, Random } from "./clock.ts";
import { Loop } from "./loop.ts";
import type { Manifests } from "./manifests.ts";
import { fileError, readManifests } from "./manifests.ts";
import type { KubeObject } from "./objects/object.ts";
import type { ReportEntry } from "./report.ts";
import { compareText } from "./report.ts";
import type { Source } from "./source.ts";

const EXTENSIONS: ReadonlySet<string> = new Set([".yaml", ".yml", ".json"]);
/** Larger than any object that fits into etcd, by far. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const MAX_FILES = 10_000;

const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    ENOENT: "no such directory",
    ENOTDIR: "it is not a directory",
    EACCES: "permission denied",
  }),
);

interface Parsed {
  readonly text: string;
  readonly manifests: Manifests;
}

/** An edit comes as several events, and what is between them may be no whole file. */
const HOLD_OFF_MS = 20;

interface FilesOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The objects of all files, and what is wrong with them; called again when a file changed. */
  readonly onRead: (manifests: Manifests) => void;
  /** The directory can no longer be read; the last objects stay. */
  readonly onError: (reason: string) => void;
}

export interface FilesSource {
  close(): void;
}

/** The objects of a directory of manifests, watched. */
export function filesSource(directory: string): Source {
  return async ({ store, changed, report, log, clock, random, signal }) => {
    const files = await watchFiles({
      directory,
      clock,
      random,
      onError: log,
      onRead(manifests) {
        const replaced = store.replace(manifests.objects);
        report([...manifests.report, ...replaced.report]);
        if (replaced.changed) changed();
      },
    });
    if (signal.aborted) files.close();
    signal.addEventListener("abort", () => files.close());
  };
}

/**
 * Reads the manifests below a directory, and again whenever anything below it changes. Resolves after the first
 * reading.
 * @throws an Error that names the directory when it cannot be read.
 */
export async function watchFiles(options: FilesOptions): Promise<FilesSource> {
  const reader = new FilesReader(options);
  await reader.start();
  return reader;
}

/**
 * Any event leads to reading all again: events are hints, as what they say differs between editors and file systems.
 * Each directory has a watcher of its own, set before the directory is read, so that nothing between the two is lost;
 * watching a directory rather than its files sees files replaced by rename.
 */
class FilesReader implements FilesSource {
  readonly #options: FilesOptions;
  readonly #loop: Loop;
  #watchers: FSWatcher[] = [];
  #cache = new Map<string, Parsed>();
  #lastError = "";
  #closed = false;

  constructor(options: FilesOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      random: options.random,
      holdOffMs: HOLD_OFF_MS,
      run: () => this.#refresh(),
    });
  }

  async start(): Promise<void> {
    try {
      this.#options.onRead(await this.#read());
    } catch (error) {
      this.close();
      throw new Error(this.#unreadable(error), { cause: error });
    }
  }

  close(): void {
    this.#closed = true;
    this.#loop.close();
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #unreadable(error: unknown): string {
    const reason = REASONS.get(String(codeOf(error))) ?? String(error);
    return `cannot read manifests from ${this.#options.directory}: ${reason}`;
  }

  async #refresh(): Promise<"done" | "retry"> {
    try {
      const manifests = await this.#read();
      if (!this.#closed) this.#options.onRead(manifests);
      this.#lastError = "";
      return "done";
    } catch (error) {
      const reason = this.#unreadable(error);
      if (!this.#closed && reason !== this.#lastError) {
        this.#options.onError(`${reason}; what was read before stays until it can be`);
      }
      this.#lastError = reason;
      return "retry";
    }
  }

  async #read(): Promise<Manifests> {
    const { files, report } = await this.#walk();
    const objects: KubeObject[] = [];
    const cache = new Map<string, Parsed>();
    for (const path of files.slice(0, MAX_FILES)) {
      // oxlint-disable-next-line no-await-in-loop -- one file in memory at a time
      const manifests = await this.#readFile(path, cache);
      objects.push(...manifests.objects);
      report.push(...manifests.report);
    }
    if (files.length > MAX_FILES) report.push(fileError("", "", `more than ${MAX_FILES} files: not all are read`));
    this.#cache = cache;
    return { objects, report };
  }

  /** A file that did not change is not parsed again. */
  async #readFile(path: string, cache: Map<string, Parsed>): Promise<Manifests> {
    const file = relative(this.#options.directory, path);
    try {
      const stats = await stat(path);
      if (!stats.isFile()) return { objects: [], report: [fileError(file, "", "is not a file")] };
      if (stats.size > MAX_FILE_BYTES) {
        return { objects: [], report: [fileError(file, "", `is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`)] };
      }
      const text = await readFile(path, "utf8");
      const known = this.#cache.get(path);
      const manifests = known?.text === text ? known.manifests : keepGood(known, readManifests(text, file));
      cache.set(path, { text, manifests });
      return manifests;
    } catch (error) {
      // Deleted since the directory was listed: its event is on the way.
      if (codeOf(error) === "ENOENT") return { objects: [], report: [] };
      return { objects: [], report: [fileError(file, "", `cannot be read: ${String(error)}`)] };
    }
  }

  /**
   * Lists files, in an order that does not depend on the file system, and watches their directories. The watchers are
   * new each time: a directory deleted and made again under its name is another one.
   * Throws when the root cannot be read.
   */
  async #walk(): Promise<{ files: string[]; report: ReportEntry[] }> {
    const files: string[] = [];
    const report: ReportEntry[] = [];
    const old = this.#watchers;
    this.#watchers = [];
    try {
      const pending = [this.#options.directory];
      for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
        // oxlint-disable-next-line no-await-in-loop -- each directory may add to the list
        const found = await this.#list(directory, report);
        pending.push(...found.directories);
        files.push(...found.files);
      }
    } finally {
      for (const watcher of old) watcher.close();
    }
    return { files: files.toSorted(compareText), report };
  }

  async #list(directory: string, report: ReportEntry[]): Promise<{ files: string[]; directories: string[] }> {
    try {
      this.#watch(directory);
      const entries = await readdir(directory, { withFileTypes: true });
      const visible = entries.filter(({ name }) => !name.startsWith("."));
      const pathOf = ({ name }: { readonly name: string }) => join(directory, name);
      return {
        directories: visible.filter((entry) => entry.isDirectory()).map(pathOf),
        files: visible.filter((entry) => !entry.isDirectory() && EXTENSIONS.has(extname(entry.name))).map(pathOf),
      };
    } catch (error) {
      if (directory === this.#options.directory) throw error;
      const name = relative(this.#options.directory, directory);
      if (codeOf(error) !== "ENOENT") report.push(fileError(name, "", `cannot be read: ${String(error)}`));
      return { files: [], directories: [] };
    }
  }

  #watch(directory: string): void {
    if (this.#closed) return;
    const changed = () => this.#loop.changed();
    this.#watchers.push(watch(directory, changed).on("error", changed));
  }
}

/** While a file cannot be read, what it held before stays, and is said to: an edit half done takes no route down. */
function keepGood(before: Parsed | undefined, { objects, report }: Manifests): Manifests {
  const readable = report.every(({ unreadable }) => unreadable === undefined);
  if (readable || before === undefined) return { objects, report };
  const kept = before.manifests.objects;
  const stays = (reason: string) =>
    kept.length === 0 ? reason : `${reason}; what the file held before stays until it can be read`;
  return {
    objects: kept,
    report: report.map((entry) => (entry.unreadable ? { ...entry, reason: stays(entry.reason) } : entry)),
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
