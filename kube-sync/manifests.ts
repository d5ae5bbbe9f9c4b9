import type { Document } from "yaml";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "./objects/object.ts";
import { readObject } from "./objects/object.ts";
import type { ReportEntry } from "./report.ts";
import { entriesOf } from "./report.ts";

export interface Manifests {
  readonly objects: readonly KubeObject[];
  readonly report: readonly ReportEntry[];
}

/** Every object of these is held in memory, so a file gets no more. */
const MAX_DOCUMENTS = 10_000;
/** Against alias bombs: how many nodes aliases may stand for. */
const MAX_ALIASES = 1_000;

/**
 * Reads one YAML or JSON file of any number of documents, each an object or a List of objects. What is malformed is
 * reported and left out; the rest of the file is kept. `file` names it in the report.
 */
export function readManifests(text: string, file: string): Manifests {
  const objects: KubeObject[] = [];
  const report: ReportEntry[] = [];
  const documents = parseDocuments(text);
  if (documents === undefined) return { objects, report: [fileError(file, "", "is nested too deeply to be read")] };
  if (documents.length > MAX_DOCUMENTS) {
    return { objects, report: [fileError(file, "", `has more than ${MAX_DOCUMENTS} documents`)] };
  }
  for (const document of documents) {
    const { value, error } = valueOf(document);
    if (error !== undefined) {
      report.push(fileError(file, error.field, error.reason));
      continue;
    }
    for (const item of itemsOf(value)) {
      const { ref, object, problems } = readObject(item, file);
      report.push(...entriesOf(ref, problems));
      if (object !== undefined) objects.push(object);
    }
  }
  return { objects, report };
}

export function fileError(file: string, field: string, reason: string): ReportEntry {
  return { source: { kind: "", namespace: "", name: "", file }, level: "error", field, reason, unreadable: true };
}

/** A hundred levels in one line, more than is ever meant: keys in keys are written out anew for each level. */
const TOO_DEEP = /(?:[-?:][ \t]+){100}/;

/** Undefined if the text is nested too deeply for the parser, whose stack may run out; what is wrong else it tells. */
function parseDocuments(text: string): readonly Document[] | undefined {
  if (TOO_DEEP.test(text)) return undefined;
  try {
    // prettyErrors adds the line and column of an error.
    const documents = parseAllDocuments(text, { merge: true, prettyErrors: true, logLevel: "silent" });
    return Array.isArray(documents) ? documents : [];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function valueOf(document: Document): { value?: unknown; error?: { field: string; reason: string } } {
  const [error] = document.errors;
  if (error !== undefined) {
    const [at] = error.linePos ?? [];
    const [reason = ""] = error.message.split(/ at line \d+|\n/);
    return { error: { field: at === undefined ? "" : `line ${at.line}, column ${at.col}`, reason } };
  }
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (thrown) {
    return { error: { field: "", reason: thrown instanceof Error ? thrown.message : "cannot be read" } };
  }
}

/** The objects of a document: none if it is empty, several if it is a List. */
function itemsOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object" || !("kind" in value && "items" in value)) return [value];
  const { kind, items } = value;
  if (typeof kind !== "string" || !kind.endsWith("List") || !Array.isArray(items)) return [value];
  if (kind === "List") return items;
  // The API server leaves these two out of the items of a typed list.
  const apiVersion = "apiVersion" in value ? value.apiVersion : undefined;
  return items.map((item: unknown) => ({ apiVersion, kind: kind.slice(0, -"List".length), ...Object(item) }));
}
