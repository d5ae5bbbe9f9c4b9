/** What `edgeway explain` says. */
import type { Verdict } from "../../routes/explain.ts";
import type { BackendChoice, Candidate, Filter, Match, PathModifier } from "../../routes/model.ts";
import type { RequestHead } from "../../worker/call/http.ts";

export interface Explanation {
  readonly head: RequestHead;
  /** Whether it is a call: gRPC, gRPC-Web or Connect. */
  readonly call: boolean;
  /** The rule that takes it, of all clusters that share it. */
  readonly found: Candidate | undefined;
  readonly verdicts: readonly Verdict[];
}

/** Rules that lose, as text: more than anyone reads. All are in the JSON. */
const maxLines = 40;

export function printText({ head, call, found, verdicts }: Explanation): string {
  const asked = `${call ? "call" : head.method} ${head.scheme}://${head.authority}${head.path}`;
  const lines = [asked, ...(found === undefined ? ["no rule takes it"] : describeFound(found, verdicts))];
  const lost = verdicts.filter(({ outcome }) => outcome === "loses");
  if (lost.length > 0) lines.push("", found === undefined ? "Rules of its host:" : "Other rules of its host:");
  for (const { candidate, reason } of lost.slice(0, maxLines)) lines.push(`  ${nameOf(candidate)}`, `    ${reason}`);
  if (lost.length > maxLines) lines.push(`  and ${lost.length - maxLines} more: see --json`);
  return lines.join("\n");
}

function describeFound({ rule }: Candidate, verdicts: readonly Verdict[]): string[] {
  const taking = verdicts.filter(({ outcome }) => outcome !== "loses").map(({ candidate }) => nameOf(candidate));
  const sum = rule.backends.reduce((total, { weight }) => total + weight, 0);
  const answering = rule.filters.some(({ kind }) => kind === "redirect" || kind === "directResponse");
  return [
    ...taking.map((name, index) => `${index === 0 ? "goes by" : "and by "} ${name}`),
    ...rule.filters.map((filter) => `  ${describeFilter(filter)}`),
    ...(answering ? [] : rule.backends.flatMap((choice) => describeChoice(choice, sum))),
    ...(answering || sum > 0 ? [] : ["  no backend has a weight: answered with an error"]),
  ];
}

function describeChoice({ backend, invalid, weight, filters }: BackendChoice, sum: number): string[] {
  const percent = sum === 0 ? 0 : Number(((100 * weight) / sum).toFixed(2));
  const endpoints = backend?.endpoints.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  const where =
    backend === undefined
      ? `an error: ${invalid}`
      : `${backend.name} (${backend.protocol}${backend.tls ? ", TLS" : ""})`;
  return [
    `  ${percent} % to ${where}`,
    ...(endpoints === undefined ? [] : [`    at ${endpoints.length === 0 ? "no endpoint" : endpoints.join(", ")}`]),
    ...filters.map((filter) => `    ${describeFilter(filter)}`),
  ];
}

function describeFilter(filter: Filter): string {
  switch (filter.kind) {
    case "requestHeaders":
    case "responseHeaders": {
      const of = filter.kind === "requestHeaders" ? "request" : "response";
      const names = [...filter.set, ...filter.add].map(([name]) => name);
      return `changes ${of} headers: ${[...names, ...filter.remove].join(", ")}`;
    }
    case "urlRewrite":
      return `rewrites ${[filter.authority ?? [], describeModifier(filter.path)].flat().join(", ")}`;
    case "redirect": {
      const { scheme = [], hostname = [], port = [], path } = filter;
      return `redirects with ${filter.status} to ${[scheme, hostname, port, describeModifier(path)].flat().join(", ")}`;
    }
    case "directResponse":
      return `answers with ${filter.status}`;
    case "cors":
      return "answers browsers that ask (CORS)";
  }
}

function describeModifier(path: PathModifier | undefined): string[] {
  if (path === undefined) return [];
  return [path.kind === "regex" ? `path by ${path.pattern.text}` : `${path.kind} path ${path.path || "/"}`];
}

/** "east: HTTPRoute default/web, rule 0, for *.example.com /path/...". */
function nameOf({ hostname, route, rule, match }: Candidate): string {
  const { cluster, source } = route;
  const object = `${cluster}: ${source.kind} ${source.namespace}/${source.name}`;
  return `${object}, rule ${rule.source.ruleIndex}, for ${hostname === "" ? "any host" : hostname}${pathOf(match)}`;
}

function pathOf({ path, conditions }: Match): string {
  const [regex] = conditions.flatMap(({ subject, pattern }) => (subject.kind === "path" ? (pattern?.text ?? []) : []));
  if (regex !== undefined) return ` ${regex}`;
  switch (path.kind) {
    case "exact":
      return ` ${path.path}`;
    case "prefix":
      return path.path === "/" ? "" : ` ${path.path}/...`;
    case "service":
      return ` /${path.service}/(method)`;
    case "method":
      return ` /(service)/${path.method}`;
  }
}

export function printJson({ head, call, found, verdicts }: Explanation): string {
  const { method, scheme, authority, path } = head;
  const winner = found && {
    ...sourceOf(found),
    filters: found.rule.filters,
    backends: found.rule.backends.map(({ backend, invalid, weight, filters }) => ({
      backend: backend?.name,
      invalid,
      weight,
      endpoints: backend?.endpoints,
      filters,
    })),
  };
  const rules = verdicts.map(({ candidate, outcome, reason }) => ({ ...sourceOf(candidate), outcome, reason }));
  return JSON.stringify(
    { request: { method, scheme, authority, path, call }, winner: winner ?? null, rules },
    undefined,
    2,
  );
}

function sourceOf({ hostname, rule, match }: Candidate) {
  return { ...rule.source, matchIndex: match.index, hostname, priority: rule.priority, match };
}
