import type { ObjectRef } from "./objects/object.ts";
import type { Problem } from "./objects/read.ts";

/** What a user should know about one field of an object: what is wrong, dropped, or kept with another meaning. */
export interface ReportEntry {
  readonly source: ObjectRef;
  /** Error: something does not work. Warning: it may not be what was meant. Info: good to know. */
  readonly level: "error" | "warning" | "info";
  /** Such as "spec.rules[0].filters[1]"; empty for the object as a whole. */
  readonly field: string;
  readonly reason: string;
  /** Set if a whole file, or a document in it, could not be read: which objects it holds is not known. */
  readonly unreadable?: true;
  /** Set if the object is left to others as its class is not Edgeway's; without a name it has none. */
  readonly passedOver?: { readonly className?: string };
}

export function entriesOf(source: ObjectRef, problems: readonly Problem[]): ReportEntry[] {
  return problems.map((problem) => ({ source, ...problem }));
}

/** By file, object and field, each entry once: the same objects give the same report in whichever order they came. */
export function sortReport(entries: Iterable<ReportEntry>): ReportEntry[] {
  const keyed = new Map([...entries].map((entry) => [sortKey(entry), entry]));
  return [...keyed].toSorted(([a], [b]) => compareText(a, b)).map(([, entry]) => entry);
}

/** "web.yaml: Ingress default/web spec.rules[0]: error: reason". */
export function formatEntry({ source, level, field, reason }: ReportEntry): string {
  const file = source.file === "" ? "" : `${source.file}: `;
  const place = [source.kind, nameOf(source), field].filter((part) => part !== "").join(" ");
  return `${file}${place}${place === "" ? "" : ": "}${level}: ${reason}`;
}

function nameOf({ namespace, name }: ObjectRef): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

/** Equal for equal entries. */
export function sortKey({ source, level, field, reason }: ReportEntry): string {
  return [source.file, source.kind, source.namespace, source.name, field, level, reason].join("\n");
}

/** By code unit, so that it does not depend on the machine's locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
