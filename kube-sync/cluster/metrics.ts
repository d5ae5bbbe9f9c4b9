/** Metrics in Prometheus' text format, version 0.0.4. */

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** By labels as they are written. */
  readonly values: Map<string, number>;
}

export class Metrics {
  readonly #families = new Map<string, Family>();

  /** Every family is named at first, so that its absence means something. */
  describe(name: string, type: Family["type"], help: string): void {
    this.#families.set(name, { help, type, values: new Map() });
  }

  add(name: string, amount: number, labels: Labels = {}): void {
    const { values } = this.#family(name);
    const key = written(labels);
    values.set(key, (values.get(key) ?? 0) + amount);
  }

  set(name: string, value: number, labels: Labels = {}): void {
    this.#family(name).values.set(written(labels), value);
  }

  text(): string {
    const lines = Array.from(this.#families, ([name, { help, type, values }]) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...Array.from(values, ([labels, value]) => `${name}${labels} ${value}`),
    ]);
    return `${lines.flat().join("\n")}\n`;
  }

  #family(name: string): Family {
    const family = this.#families.get(name);
    if (family === undefined) throw new Error(`no metric ${name}`);
    return family;
  }
}

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
