import type { ReportEntry } from "./report.ts";
import { compareText } from "./report.ts";

/** Objects of one kind and class that are not served, as the class is not Edgeway's. */
interface Passed {
  readonly kind: string;
  readonly className: string | undefined;
  readonly count: number;
}

/** Of more classes, the rest is one number: names are the cluster's users' to make up. */
const MOST_NAMED = 8;

/**
 * What to say of the objects that are passed over for their classes, in one line; undefined if there is nothing new.
 * `told`: of the last time. What was said is not said again while it lasts, whatever the count becomes.
 */
export function tellPassedOver(
  report: readonly ReportEntry[],
  told: ReadonlySet<string> = new Set(),
): { readonly line: string | undefined; readonly told: ReadonlySet<string> } {
  const all = passedOver(report);
  const fresh = all.filter((each) => !told.has(keyOf(each)));
  return { line: fresh.length === 0 ? undefined : lineOf(fresh), told: new Set(all.map(keyOf)) };
}

/** How many objects are passed over for their classes, by kind. */
export function countPassedOver(report: readonly ReportEntry[], kind: string): number {
  return report.filter(({ source, passedOver: passed }) => passed !== undefined && source.kind === kind).length;
}

/** The largest first. */
function passedOver(report: readonly ReportEntry[]): Passed[] {
  const groups = new Map<string, Passed>();
  for (const { source, passedOver: passed } of report) {
    if (passed === undefined) continue;
    const { kind } = source;
    const { className } = passed;
    const key = keyOf({ kind, className });
    groups.set(key, { kind, className, count: (groups.get(key)?.count ?? 0) + 1 });
  }
  return [...groups.values()].toSorted((a, b) => b.count - a.count || compareText(keyOf(a), keyOf(b)));
}

function keyOf({ kind, className }: Pick<Passed, "kind" | "className">): string {
  return JSON.stringify([kind, className ?? null]);
}

function lineOf(all: readonly Passed[]): string {
  const more = all.slice(MOST_NAMED);
  const count = more.reduce((sum, each) => sum + each.count, 0);
  const rest = more.length === 0 ? [] : [`${plural(count, "object")} of ${more.length} other classes`];
  const parts = [...all.slice(0, MOST_NAMED).map(describe), ...rest];
  const some = "--adopt-class NAME takes those of a class, --adopt-all every one";
  const options = all.some(({ className }) => className !== undefined) ? some : "--adopt-all takes every one";
  return `passed over: ${parts.join(", ")}; edgeway sync ${options}`;
}

function describe({ kind, className, count }: Passed): string {
  return `${plural(count, kind)} ${className === undefined ? "without a class" : `of class ${JSON.stringify(className)}`}`;
}

function plural(count: number, noun: string): string {
  const many = noun.endsWith("s") ? `${noun}es` : `${noun}s`;
  return `${count} ${count === 1 ? noun : many}`;
}
