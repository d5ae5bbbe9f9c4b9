import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../../routes/syntax.ts";
import type { IngressBackend, IngressPath } from "../../objects/ingress.ts";
import type { Say } from "../context.ts";
import { intersectHostnames } from "../hostnames.ts";
import type { MeshRule } from "../istio/virtual-service.ts";
import type { Match } from "../match.ts";
import { eachWithEach } from "../match.ts";
import { getOrAdd } from "../object-index.ts";
import { MIXED } from "./conditions.ts";
import type { Conditions, IngressRule, PathResult, Reading } from "./dialect.ts";
import { sayOf } from "./dialect.ts";
import type { Outcome } from "./outcome.ts";
import { invalid, outcomeOf, refusal } from "./outcome.ts";

/** Of all Ingresses of a dialect, with those repeated for narrower hosts: a table has places for no more. */
export const MOST_RULES = 250_000;
export const TOO_MANY_RULES = `its paths and hosts make more than ${MOST_RULES} rules together`;

/** More than the edge takes: what few lines ask for must not fill the memory. */
const MOST_MATCHES = 500_000;

type Draft = Omit<IngressRule, "schemes">;

/**
 * Each path of an Ingress becomes a rule, and its default backend one for every host, which is weaker than any rule of
 * a host; for hosts without paths it is their only rule.
 */
export function rulesOf(reading: Reading): IngressRule[] {
  return allRulesOf(reading) ?? allRulesOf({ ...reading, refused: tooMuch(reading.say) }) ?? [];
}

function tooMuch(say: Say): string {
  const reason = `has more than ${MOST_MATCHES} matches with those of the mesh behind it`;
  say("error", "spec.rules", `${reason}: all its paths answer with an error`);
  return reason;
}

/** Undefined: there are too many. */
function allRulesOf(reading: Reading): IngressRule[] | undefined {
  const { ingress, dialect, say, context } = reading;
  const { spec } = ingress;
  const schemes = dialect.schemes(ingress, say, context);
  if (schemes === undefined) return [];
  const aliases = dialect.aliases?.(reading) ?? [];
  const made: Draft[] = [];
  let matches = 0;
  for (const draft of draftsOfSpec(reading)) {
    made.push(draft);
    matches += Math.max(1, draft.matches.length);
    if (matches > MOST_MATCHES) return undefined;
    if (made.length * (aliases.length + 1) > MOST_RULES) {
      say("error", "spec", `${TOO_MANY_RULES}: it is left out`);
      return [];
    }
  }
  if (spec.defaultBackend === undefined && spec.rules.length === 0) {
    say("warning", "spec", "has neither rules nor a default backend: it serves nothing");
  }
  const own = made.flatMap((draft) =>
    [draft.hostname, ...(draft.hostname === "" ? [] : aliases)].map((hostname) => ({ ...draft, hostname })),
  );
  return redirected(reading, schemes, own);
}

function* draftsOfSpec(reading: Reading): Iterable<Draft> {
  const { ingress, dialect, say } = reading;
  const { rules, defaultBackend } = ingress.spec;
  const conditions = new Map<string, ReturnType<ConditionsOf>>();
  const conditionsOf: ConditionsOf = (name) => getOrAdd(conditions, name, () => dialect.conditions?.(reading, name));
  for (const [index, { host = "", http }] of rules.entries()) {
    if (http === undefined && defaultBackend === undefined)
      say("warning", `spec.rules[${index}]`, "has neither paths nor a default backend: it serves nothing");
    else if (http === undefined) yield* defaultDrafts(reading, host, defaultBackend!, index);
    else for (const [i, path] of http.paths.entries()) yield* pathDrafts(reading, host, path, index, i, conditionsOf);
  }
  if (defaultBackend === undefined) return;
  const named = rules.flatMap(({ host = "", http }) => (http === undefined ? [] : host));
  const hosts = dialect.defaultsOwnHosts === true && rules.length > 0 ? new Set(named) : [""];
  for (const host of hosts) yield* defaultDrafts(reading, host, defaultBackend, rules.length);
}

/** Hosts, or paths, that send plain HTTP to HTTPS have their rules for HTTPS only, and one that redirects for HTTP. */
function redirected(reading: Reading, schemes: readonly Scheme[], drafts: readonly Draft[]): IngressRule[] {
  const redirects: IngressRule[] = [];
  const redirectedHosts = new Set<string>();
  const rules = drafts.flatMap((draft): IngressRule[] => {
    const { hostname } = draft;
    const redirect =
      schemes.includes(Scheme.HTTPS) && schemes.length === 1
        ? undefined
        : reading.dialect.redirect?.(reading, hostname);
    if (redirect === undefined) return [{ ...draft, schemes }];
    const { status, port = 0 } = redirect;
    const value = { scheme: "https", status, port: port === 443 ? 0 : port };
    const rule = { index: draft.rule.index ?? 0, filters: [{ filter: { case: "redirect" as const, value } }] };
    const { metadata } = reading.ingress;
    const source = { kind: "Ingress", namespace: metadata.namespace, name: metadata.name };
    const own = { ...draft, source, suffix: "/http", schemes: [Scheme.HTTP], rule };
    const { path: _, ...rest } = own;
    const part: Draft["part"] = { host: hostname, matches: [] };
    if (reading.dialect.redirectsPaths === true) redirects.push(own);
    else if (!redirectedHosts.has(hostname)) redirects.push({ ...rest, part, matches: part.matches });
    redirectedHosts.add(hostname);
    return [{ ...draft, schemes: [Scheme.HTTPS] }];
  });
  return [...rules, ...redirects];
}

type ConditionsOf = (name: string) => Conditions | string | undefined;

function pathDrafts(
  reading: Reading,
  host: string,
  path: IngressPath,
  index: number,
  i: number,
  conditionsOf: ConditionsOf,
): Draft[] {
  const { dialect, say } = reading;
  const field = `spec.rules[${index}].http.paths[${i}]`;
  const result = checkForm(dialect.path(path, reading));
  if (result.matches === undefined) {
    say("error", `${field}.path`, `${result.refused}; left out`);
    return [];
  }
  if (result.note !== undefined) say("info", `${field}.path`, result.note);
  const name = path.backend.service?.name;
  const conditions = name === undefined ? undefined : conditionsOf(name);
  const failed = (reason: string) => draftsOf(reading, host, result.matches, index, path, refusal(reason));
  const wrong = (reason: string) => {
    sayOf(reading, `conditions.${name}`, "error", `${reason}: its paths answer with an error`);
    return failed(reason);
  };
  if (typeof conditions === "string") return failed(conditions);
  const { hosts = [], paths = [], matches = [] } = conditions ?? {};
  if (host !== "" && hosts.some(({ isExpression }) => isExpression)) return wrong(MIXED);
  // Without a path of its own, a condition's path is the only one.
  const places = path.path === undefined && paths.length > 0 ? paths : [...result.matches, ...paths];
  const all = eachWithEach(places, matches);
  if (typeof all === "string") return wrong(all);
  const outcome = outcomeOf(reading, path.backend, `${field}.backend`, path);
  const own = host !== "" || hosts.length === 0 ? draftsOf(reading, host, all, index, path, outcome) : [];
  const others = hosts.flatMap((each) => {
    const there = eachWithEach(all, each.matches);
    return typeof there === "string" ? wrong(there) : draftsOf(reading, each.hostname, there, index, path, outcome);
  });
  return [...own, ...others];
}

function checkForm(result: PathResult): PathResult {
  const wrong = result.matches?.some(({ paths }) =>
    paths.some(({ kind, value }) => kind !== "regex" && !forms.path.holds(value)),
  );
  return wrong === true ? { refused: `must be ${forms.path.says}` } : result;
}

function defaultDrafts(reading: Reading, host: string, backend: IngressBackend, index: number): Draft[] {
  return draftsOf(reading, host, [], index, undefined, outcomeOf(reading, backend, "spec.defaultBackend", undefined));
}

function draftsOf(
  reading: Reading,
  host: string,
  matches: readonly Match[],
  index: number,
  path: IngressPath | undefined,
  outcome: Outcome,
): Draft[] {
  const { namespace, name, createdSeconds } = reading.ingress.metadata;
  const shared = { reading, ...(path && { path }), singleLabel: reading.dialect.wildcardIsOneLabel };
  if ("rule" in outcome) {
    const { refused = false } = outcome;
    const source = { kind: "Ingress", namespace, name };
    const rule = { index, ...outcome.rule };
    const part = { host, matches };
    return [{ ...shared, hostname: host, part, source, createdSeconds, suffix: "", matches, rule, refused }];
  }
  const part = { host, matches };
  return outcome.mesh.flatMap((inner) =>
    intersectHostnames(host, [inner.hostname]).map((hostname) => ({
      ...shared,
      ...inner,
      hostname,
      part,
      via: { kind: "Ingress", namespace, name },
      suffix: `/${inner.source.kind}/${inner.source.namespace}/${inner.source.name}`,
      ...narrowed(reading, matches, inner),
    })),
  );
}

/** A mesh's rule for what an Ingress's matches take. */
function narrowed({ say }: Reading, matches: readonly Match[], inner: MeshRule): Pick<Draft, "matches" | "rule"> {
  const all = eachWithEach(matches, inner.matches);
  if (typeof all !== "string") return { matches: all, rule: inner.rule };
  const { kind, namespace, name } = inner.source;
  say("error", "spec.rules", `${kind} ${namespace}/${name}: ${all}: answers with an error`);
  return { matches, ...invalid(all) };
}
