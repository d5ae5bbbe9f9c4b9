/** What is observed, by settings of the environment. Names that begin with OTEL_ are OpenTelemetry's own. */

/** Text by name: a process's environment, or a Worker's variables and secrets. */
export type Settings = Readonly<Record<string, unknown>>;

export interface ObserveConfig {
  /** EDGEWAY_ACCESS_LOG: share of the calls that are logged, in [0, 1]. Undefined: no access log. */
  readonly accessLogRatio: number | undefined;
  /** Undefined: no tracing. */
  readonly tracing: TracingConfig | undefined;
}

export interface TracingConfig {
  /** OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or OTEL_EXPORTER_OTLP_ENDPOINT with "/v1/traces" behind it. */
  readonly url: string;
  /** OTEL_EXPORTER_OTLP_HEADERS: "name=value,name=value", percent-encoded. */
  readonly headers: Readonly<Record<string, string>>;
  /** OTEL_SERVICE_NAME: "edgeway" unless set. */
  readonly serviceName: string;
  /** OTEL_TRACES_SAMPLER_ARG: share of the traces that begin here which are recorded, in [0, 1]; 1 unless set. */
  readonly ratio: number;
}

/** @throws Error in one line that names the setting that is wrong */
export function readObserveConfig(settings: Settings): ObserveConfig {
  return { accessLogRatio: ratioOf(settings, "EDGEWAY_ACCESS_LOG"), tracing: tracingOf(settings) };
}

function tracingOf(settings: Settings): TracingConfig | undefined {
  const own = textOf(settings, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const base = textOf(settings, "OTEL_EXPORTER_OTLP_ENDPOINT");
  const url = own ?? (base && `${base.replace(/\/$/, "")}/v1/traces`);
  if (url === undefined) return undefined;
  if (!/^https?:\/\//.test(url)) throw new Error(`OTEL_EXPORTER_OTLP_ENDPOINT is no URL of HTTP: ${url}`);
  return {
    url,
    headers: headersOf(textOf(settings, "OTEL_EXPORTER_OTLP_HEADERS") ?? ""),
    serviceName: textOf(settings, "OTEL_SERVICE_NAME") ?? "edgeway",
    ratio: ratioOf(settings, "OTEL_TRACES_SAMPLER_ARG") ?? 1,
  };
}

function textOf(settings: Settings, name: string): string | undefined {
  const value = settings[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function ratioOf(settings: Settings, name: string): number | undefined {
  const text = textOf(settings, name);
  if (text === undefined) return undefined;
  const ratio = Number(text);
  if (!(ratio >= 0 && ratio <= 1)) throw new Error(`${name} is a share from 0 to 1, not ${JSON.stringify(text)}`);
  return ratio;
}

function headersOf(text: string): Record<string, string> {
  const pairs = text.split(",").flatMap((pair) => {
    const [, name, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    return name === undefined ? [] : [[name, decoded(value!)] as const];
  });
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
