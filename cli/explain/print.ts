/** What `edgeway explain` says. */
import type { Match, PathModifier } from "../../routes/model.ts";
import type { BackendShare, Explanation, FilterView, RuleName, Winner } from "../../worker/admin/explain.ts";
import { paint } from "../style.ts";

/** Rules that lose, as text: more than anyone reads. All are in the JSON. */
const maxLines = 40;

export function printText({ request, winner, rules, withheld }: Explanation): string {
  const { call, method, scheme, authority, path } = request;
  const asked = `${call ? "call" : method} ${scheme}://${authority}${path}`;
  const taking = rules.filter(({ outcome }) => outcome !== "loses");
  const lost = rules.filter(({ outcome }) => outcome === "loses");
  const lines = [
    paint("bold", asked),
    ...(winner === null ? [paint("red", "no rule takes it")] : describe(winner, taking)),
  ];
  if (lost.length > 0) lines.push("", winner === null ? "Rules of its host:" : "Other rules of its host:");
  for (const rule of lost.slice(0, maxLines)) lines.push(`  ${nameOf(rule)}`, paint("dim", `    ${rule.reason}`));
  if (lost.length > maxLines) lines.push(`  and ${lost.length - maxLines} more: see --json`);
  if (withheld.length > 0) lines.push("", ...withheld.slice(0, maxLines).map(describeWithheld));
  if (withheld.length > maxLines) lines.push(`and ${withheld.length - maxLines} more: see --json`);
  return lines.join("\n");
}

function describeWithheld({ cluster, kind, namespace, name, hostname }: Explanation["withheld"][number]): string {
  const said = `${cluster} has a rule for this host that it is not granted`;
  return `${paint("yellow", said)}: ${kind} ${namespace}/${name}, for ${hostname || "any host"}`;
}

function describe(winner: Winner, taking: readonly RuleName[]): string[] {
  const { filters, backends, clusters } = winner;
  const answering = filters.some(({ kind }) => kind === "redirect" || kind === "directResponse");
  return [
    ...taking.map((rule, index) => `${paint("green", index === 0 ? "goes by" : "and by ")} ${nameOf(rule)}`),
    ...(clusters.length === 0 ? filters : []).map((filter) => `  ${describeFilter(filter)}`),
    ...(answering ? [] : backends.flatMap(describeShare)),
    ...(answering || backends.some(({ share }) => share > 0)
      ? []
      : ["  no backend has a weight: answered with an error"]),
  ];
}

function describeShare({
  backend,
  invalid,
  protocol,
  transport,
  tls,
  failover,
  share,
  endpoints,
  filters,
}: BackendShare): string[] {
  const addresses = endpoints.map(
    ({ host, port, state = "well" }) =>
      `${host.includes(":") ? `[${host}]` : host}:${port}${state === "well" ? "" : paint("red", ` (${state})`)}`,
  );
  const means = [protocol, ...(tls ? ["TLS"] : []), ...(transport === "connection" ? [] : [transport])].join(", ");
  const where = backend === null ? `an error: ${invalid}` : `${backend} (${means})`;
  return [
    `  ${percent(share)}${failover === 0 ? "" : ", if nothing before it can serve,"} to ${where}`,
    ...(backend === null ? [] : [`    at ${addresses.length === 0 ? "no endpoint" : addresses.join(", ")}`]),
    ...filters.map((filter) => `    ${describeFilter(filter)}`),
  ];
}

const modified = {
  requestHeaders: "request headers",
  responseHeaders: "response headers",
  responseTrailers: "response trailers",
};

export function describeFilter(filter: FilterView): string {
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
      return `copies ${percent(filter.share)} of the calls to ${filter.backend ?? "nobody: it cannot be served"}`;
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
function nameOf({ cluster, kind, namespace, name, ruleIndex, hostname, match }: RuleName): string {
  const host = hostname === "" ? "any host" : hostname;
  return `${cluster}: ${kind} ${namespace}/${name}, rule ${ruleIndex}, for ${host}${pathOf(match)}`;
}

export function pathOf({ path, conditions }: Match): string {
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
