import type { ReportEntry } from "../report.ts";
import type { BackendUse } from "./backends.ts";
import type { Certificate } from "./certificates.ts";
import type { ObjectIndex } from "./object-index.ts";
import { getOrAdd } from "./object-index.ts";
import type { ObjectStatus } from "./status.ts";

/** What translating something adds, beside what it gives. */
export interface Notes {
  readonly report: ReportEntry[];
  readonly certificates: Certificate[];
  readonly statuses: ObjectStatus[];
  readonly uses: BackendUse[];
}

export function noNotes(): Notes {
  return { report: [], certificates: [], statuses: [], uses: [] };
}

/** Of the many units that add nothing. */
const EMPTY = noNotes();

interface Unit {
  readonly inputs: readonly unknown[];
  readonly asked: ReadonlySet<string>;
  readonly value: unknown;
  readonly notes: Notes;
  /** The last translation that it was part of. */
  translation: number;
  isOutdated: boolean;
}

type Make<C, T> = (own: C) => T;

/**
 * The parts that a translation is made of, kept for the next: a part is made anew only when one of its inputs is
 * another one, or an answer that it got from the object index. So what did not change stays the same object.
 */
export class Units {
  readonly #objects: ObjectIndex;
  /** By kind, and then by what they are about. */
  readonly #units = new Map<string, Map<unknown, Unit>>();
  /** By question, the units that asked it. */
  readonly #askers = new Map<string, Set<Unit>>();
  #translation = 0;

  constructor(objects: ObjectIndex) {
    this.#objects = objects;
  }

  /** Begins a translation, after these questions got other answers. */
  begin(changed: ReadonlySet<string>): void {
    this.#translation += 1;
    for (const question of changed) for (const unit of this.#askers.get(question) ?? []) this.#outdate(unit);
  }

  /**
   * What `make` gives, or gave before. `about` and `kind` name the unit; `into` gets its notes. `contextOf`: what `make`
   * is called with.
   */
  get<C, T>(
    kind: string,
    about: unknown,
    inputs: readonly unknown[],
    into: Notes,
    make: Make<C, T>,
    contextOf: (notes: Notes) => C,
  ): T {
    const units = getOrAdd(this.#units, kind, () => new Map<unknown, Unit>());
    let unit = units.get(about);
    if (unit === undefined || unit.isOutdated || !areSame(unit.inputs, inputs)) {
      if (unit !== undefined) this.#outdate(unit);
      const notes = noNotes();
      const [value, asked] = this.#objects.track(() => make(contextOf(notes)));
      const own = Object.values(notes).every((list: readonly unknown[]) => list.length === 0) ? EMPTY : notes;
      unit = { inputs, asked, value, notes: own, translation: 0, isOutdated: false };
      units.set(about, unit);
      for (const question of asked) getOrAdd(this.#askers, question, () => new Set()).add(unit);
    }
    unit.translation = this.#translation;
    addAll(unit.notes.report, into.report);
    addAll(unit.notes.certificates, into.certificates);
    addAll(unit.notes.statuses, into.statuses);
    addAll(unit.notes.uses, into.uses);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a kind of units gives one type
    return unit.value as T;
  }

  /** Ends a translation: units that were no part of it are forgotten. */
  end(): void {
    for (const units of this.#units.values()) {
      for (const [about, unit] of units) {
        if (unit.translation === this.#translation) continue;
        this.#outdate(unit);
        units.delete(about);
      }
    }
  }

  #outdate(unit: Unit): void {
    unit.isOutdated = true;
    for (const question of unit.asked) {
      const askers = this.#askers.get(question);
      askers?.delete(unit);
      if (askers?.size === 0) this.#askers.delete(question);
    }
  }
}

function addAll<T>(items: readonly T[], to: T[]): void {
  for (let i = 0; i < items.length; i++) to.push(items[i]!);
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
