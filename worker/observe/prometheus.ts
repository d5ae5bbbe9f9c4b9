/** Metrics in Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */

export const contentType = "text/plain; version=0.0.4; charset=utf-8";

export type Labels = Readonly<Record<string, string>>;

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: Iterable<Sample>;
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number | Histogram;
}

export interface Histogram {
  /** Upper bounds, ascending; `buckets` has one more entry, for what is above them all. */
  readonly bounds: readonly number[];
  /** Not cumulative. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

export function expose(families: Iterable<Family>): string {
  let text = "";
  for (const { name, help, type, samples } of families) {
    text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
    for (const { labels, value } of samples) {
      text += typeof value === "number" ? line(name, labels, value) : histogram(name, labels, value);
    }
  }
  return text;
}

function histogram(name: string, labels: Labels, { bounds, buckets, sum }: Histogram): string {
  let text = "";
  let count = 0;
  for (let i = 0; i < buckets.length; i++) {
    count += buckets[i]!;
    text += line(`${name}_bucket`, { ...labels, le: i < bounds.length ? String(bounds[i]) : "+Inf" }, count);
  }
  return text + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, count);
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
