/** What is wrong with a table, gathered while it is read. */
import type { Source } from "./model.ts";
import type { Form } from "./syntax.ts";

/** One thing wrong with a table. */
export interface Issue {
  /** The object to mend, where the table says which. */
  readonly source: Source | undefined;
  /** Where in that object's route or backend, such as "rules[0].matches[1].path"; without a source, where in the table. */
  readonly field: string;
  readonly reason: string;
}

/** More than anyone reads at once; a table of nothing but mistakes must not become a bigger answer. */
const maxIssues = 100;

/** A place in the table, to which issues can be added. Its name is put together only when there is one. */
export class Place {
  readonly #issues: Issue[];
  readonly #source: Source | undefined;
  readonly #parent: Place | undefined;
  readonly #name: string;
  readonly #index: number | undefined;

  private constructor(issues: Issue[], source: Source | undefined, parent?: Place, name = "", index?: number) {
    this.#issues = issues;
    this.#source = source;
    this.#parent = parent;
    this.#name = name;
    this.#index = index;
  }

  /** The table itself. */
  static root(issues: Issue[]): Place {
    return new Place(issues, undefined);
  }

  /** The field `name`, or its element `index`. */
  at(name: string, index?: number): Place {
    return new Place(this.#issues, this.#source, this, name, index);
  }

  /** Where what comes from the object `source` begins. */
  of(source: Source): Place {
    return new Place(this.#issues, source);
  }

  wrong(reason: string): void {
    if (this.#issues.length < maxIssues) {
      this.#issues.push({ source: this.#source, field: this.#field(), reason });
    }
  }

  /** `text`, which is wrong unless it has the form. */
  check(text: string, form: Form): string {
    if (!form.holds(text)) this.wrong(`must be ${form.says}`);
    return text;
  }

  #field(): string {
    const own = this.#index === undefined ? this.#name : `${this.#name}[${this.#index}]`;
    const parent = this.#parent === undefined ? "" : this.#parent.#field();
    return parent === "" ? own : `${parent}.${own}`;
  }
}
