/** A parser of Prometheus' text format that takes nothing but what the format's description allows. */

export interface Scraped {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly value: number;
  }[];
}

const metric = String.raw`[a-zA-Z_:][a-zA-Z0-9_:]*`;
const label = String.raw`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"`;
const samplePattern = new RegExp(`^(${metric})(?:\\{((?:${label})(?:,${label})*)\\})? (NaN|[+-]?Inf|[-+0-9.eE]+)$`);

/** @throws Error for the first line that is wrong */
export function parsePrometheus(text: string): ReadonlyMap<string, Scraped> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, { type: string; help: string; samples: Scraped["samples"][number][] }>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, comment, name, rest] = new RegExp(`^# (HELP|TYPE) (${metric}) (.*)$`).exec(line) ?? [];
    if (comment === "HELP") {
      if (families.has(name!)) throw new Error(`twice: ${line}`);
      current = name!;
      families.set(current, { type: "", help: rest!, samples: [] });
    } else if (comment === "TYPE") {
      if (name !== current) throw new Error(`out of place: ${line}`);
      families.get(current)!.type = rest!;
    } else {
      const { samples } = families.get(current)!;
      const found = sample(line, current);
      const series = JSON.stringify([found.name, found.labels]);
      if (seen.has(series)) throw new Error(`twice: ${line}`);
      seen.add(series);
      samples.push(found);
    }
  }
  return families;
}

function sample(line: string, family: string): Scraped["samples"][number] {
  const parts = samplePattern.exec(line);
  if (parts === null) throw new Error(`no sample: ${line}`);
  const [, name, labels = ""] = parts;
  if (!new RegExp(`^${family}(?:_bucket|_sum|_count)?$`).test(name!)) throw new Error(`not of ${family}: ${line}`);
  const pairs = [...labels.matchAll(new RegExp(label, "g"))].map(([, key, value]) => [key!, value!] as const);
  return { name: name!, labels: Object.fromEntries(pairs), value: Number(parts.at(-1)) };
}
