/** What `edgeway explain` says. */
import type { Verdict } from "../../routes/explain.ts";
import { backendShares, type BackendShare } from "../../routes/merge.ts";
import type { Candidate, Filter, Match, PathModifier } from "../../routes/model.ts";
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
  const shares = backendShares(rule);
  const answering = rule.filters.some(({ kind }) => kind === "redirect" || kind === "directResponse");
  return [
    ...taking.map((name, index) => `${index === 0 ? "goes by" : "and by "} ${name}`),
    ...(rule.clusters === undefined ? rule.filters : []).map((filter) => `  ${describeFilter(filter)}`),
    ...(answering ? [] : shares.flatMap((share) => describeShare(share, rule.clusters !== undefined))),
    ...(answering || shares.some(({ share }) => share > 0)
      ? []
      : ["  no backend has a weight: answered with an error"]),
  ];
}

function describeShare({ choice, rule, failover, share }: BackendShare, ofSeveral: boolean): string[] {
  const { backend, invalid } = choice;
  const filters = ofSeveral ? [...rule.filters, ...choice.filters] : choice.filters;
  const endpoints = backend?.endpoints.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  const where =
    backend === undefined
      ? `an error: ${invalid}`
      : `${backend.name} (${backend.protocol}${backend.tls ? ", TLS" : ""})`;
  return [
    `  ${percent(share)}${failover === 0 ? "" : ", if nothing before it can serve,"} to ${where}`,
    ...(endpoints === undefined ? [] : [`    at ${endpoints.length === 0 ? "no endpoint" : endpoints.join(", ")}`]),
    ...filters.map((filter) => `    ${describeFilter(filter)}`),
  ];
}

const modified = {
  requestHeaders: "request headers",
  responseHeaders: "response headers",
  responseTrailers: "response trailers",
};

function describeFilter(filter: Filter): string {
  switch (filter.kind) {
    case "requestHeaders":
    case "responseHeaders":
    case "responseTrailers": {
      const names = [...filter.set, ...filter.add].map(([name]) => name);
      return `changes ${modified[filter.kind]}: ${[...names, ...filter.remove].join(", ")}`;
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
    case "mirror":
      return `copies ${percent(filter.share)} of the calls to ${filter.backend?.name ?? "nobody: it cannot be served"}`;
    case "fault":
      return `delays ${percent(filter.delayShare)} and fails ${percent(filter.abortShare)} of the calls on purpose`;
    case "rateLimit":
      return `takes ${filter.calls} calls in ${filter.periodMs} ms`;
    case "jwt":
      return `asks for a token${filter.issuer === undefined ? "" : ` of ${filter.issuer}`} (JWT)`;
  }
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
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
    backends: backendShares(found.rule).map(({ choice: { backend, invalid, weight, filters }, failover, share }) => ({
      backend: backend?.name,
      invalid,
      weight,
      failover,
      share,
      endpoints: backend?.endpoints,
      filters,
    })),
  };
  const rules = verdicts.map(({ candidate, outcome, share, reason }) => ({
    ...sourceOf(candidate),
    outcome,
    share,
    reason,
  }));
  return JSON.stringify(
    { request: { method, scheme, authority, path, call }, winner: winner ?? null, rules },
    undefined,
    2,
  );
}

function sourceOf({ hostname, rule, match }: Candidate) {
  return { ...rule.source, matchIndex: match.index, hostname, priority: rule.priority, match };
}
