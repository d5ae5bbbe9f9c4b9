import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../../routes/syntax.ts";
import { keyOf as nameOf } from "../../objects/object.ts";
import { compareText } from "../../report.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { IngressBackend, IngressPath } from "../../objects/ingress.ts";
import { findPort, noSuchPort } from "../backends.ts";
import type { ClientCertificates } from "../certificates.ts";
import { addCertificate } from "../certificates.ts";
import type { Context, RouteInit, Say } from "../context.ts";
import { invalidTarget, sayAbout } from "../context.ts";
import { coveringHostnames, intersectHostnames } from "../hostnames.ts";
import { getOrAdd } from "../object-index.ts";
import { meshBehind, NOT_FOUND } from "../istio/mesh.ts";
import type { MeshRule } from "../istio/virtual-service.ts";
import type { Match } from "../match.ts";
import { eachWithEach } from "../match.ts";
import { countWithWider, forHostname, inTableOrder } from "../order.ts";
import { readAnnotations } from "./annotations.ts";
import { dialectOf } from "./class.ts";
import { MIXED } from "./conditions.ts";
import type {
  Action,
  BackendName,
  CallPolicies,
  Conditions,
  Dialect,
  IngressRule,
  PathResult,
  Reading,
} from "./dialect.ts";
import { byHostAndPath, sayOf } from "./dialect.ts";
import { useService } from "./targets.ts";

/**
 * Each path of an Ingress becomes a rule, and its default backend one for every host, which is weaker than any rule of
 * a host; for hosts without paths it is their only rule. Then the dialect puts all rules of its Ingresses in order.
 */
export function translateIngresses(context: Context): RouteInit[] {
  const byDialect = new Map<Dialect, IngressRule[]>();
  for (const ingress of context.objects.all("Ingress")) {
    const read = context.unit("ingress", ingress, [], (own) => readIngress(own, ingress));
    if (read === undefined) continue;
    const all = getOrAdd(byDialect, read.dialect, () => []);
    for (const rule of read.rules) all.push(rule);
  }
  return [...byDialect].flatMap(([dialect, read]) => {
    const rules = withinBounds(context, read);
    const groups = dialect.groups?.(rules) ?? Map.groupBy(rules, ({ reading }) => nameOf(reading.ingress));
    return [...groups].flatMap(([name, group]) =>
      context.unit(dialect.name, name, group, (own) => {
        const rebound = rebind(own, group);
        return dialect.arrange?.(rebound, keyOf, name) ?? arrangeByTable(rebound);
      }),
    );
  });
}

/** Without the largest Ingresses where the rules would be too many, once repeated for narrower hosts. */
function withinBounds(context: Context, rules: readonly IngressRule[]): readonly IngressRule[] {
  if (countWithWider(rules) <= MOST_RULES) return rules;
  const bySize = [...Map.groupBy(rules, ({ reading }) => reading)].toSorted(
    ([a, own], [b, others]) => own.length - others.length || compareText(nameOf(a.ingress), nameOf(b.ingress)),
  );
  const [{ ingress }, own] = bySize.at(-1)!;
  sayAbout(context, ingress)("error", "spec", `${TOO_MANY_RULES}: it is left out`);
  const left = new Set(own);
  return withinBounds(
    context,
    rules.filter((rule) => !left.has(rule)),
  );
}

function readIngress(context: Context, ingress: ObjectOf<"Ingress">) {
  const say = sayAbout(context, ingress);
  const dialect = dialectOf(context, ingress, say);
  if (dialect === undefined) return undefined;
  const read = { context, ingress, dialect, say, refused: readAnnotations(ingress, dialect, say) };
  dialect.check?.(read);
  const clients = dialect.clients?.(read);
  const reading = typeof clients === "string" ? { ...read, refused: clients } : read;
  const rules = rulesOf(reading) ?? rulesOf({ ...reading, refused: tooMuch(say) }) ?? [];
  addCertificates(reading, typeof clients === "string" ? undefined : clients);
  return { dialect, rules };
}

/** The rules as they are arranged: what is reported then belongs to the group, not to the reading of its Ingress. */
function rebind(context: Context, rules: readonly IngressRule[]): IngressRule[] {
  const readings = new Map<Reading, Reading>();
  return rules.map((rule) => {
    const reading = getOrAdd(readings, rule.reading, () => ({
      ...rule.reading,
      context,
      say: sayAbout(context, rule.reading.ingress),
    }));
    return { ...rule, reading };
  });
}

/** By the table's own order, but for an Ingress with a mesh behind it, whose rules have an order of their own. */
function arrangeByTable(rules: readonly IngressRule[]): RouteInit[] {
  const isMesh = rules.some(({ source }) => source.kind === "VirtualService");
  return isMesh ? arrangeMesh(rules) : inTableOrder(rules, keyOf);
}

/** The Ingress's host and path decide first, and of the mesh's hosts behind them the narrowest alone. */
function arrangeMesh(rules: readonly IngressRule[]): RouteInit[] {
  const parts = Map.groupBy(rules.toSorted(byHostAndPath), ({ part }) => part);
  const byHost = [...parts.values()].map((own) => Map.groupBy(own, ({ hostname }) => hostname));
  const hostnames = new Set(rules.map(({ hostname }) => hostname));
  return [...hostnames].flatMap((hostname) => {
    const [, ...wider] = coveringHostnames(hostname);
    const goesOn = wider.some((each) => hostnames.has(each));
    const there = byHost.flatMap((part) => {
      const narrowest = [hostname, ...wider].find((each) => part.has(each));
      const own = narrowest === undefined ? [] : part.get(narrowest)!;
      return goesOn ? [...own, ...fenceOf(own)] : own;
    });
    return forHostname(there, hostname, keyOf);
  });
}

/** What none of a virtual host's rules takes is answered, and does not go on to wider ones. */
function fenceOf(rules: readonly IngressRule[]): IngressRule[] {
  const [first] = rules;
  if (first === undefined || rules.some(({ matches, part }) => matches === part.matches)) return [];
  const rule = { index: 0, filters: [NOT_FOUND] };
  return [{ ...first, matches: first.part.matches, rule, suffix: `${first.suffix}/none` }];
}

function keyOf({ reading, hostname, suffix }: IngressRule): string {
  const { namespace, name } = reading.ingress.metadata;
  return `Ingress/${namespace}/${name}/${hostname === "" ? "*" : hostname}${suffix}`;
}

function addCertificates({ context, ingress, say }: Reading, clients: ClientCertificates | undefined): void {
  ingress.spec.tls.forEach(({ hosts, secretName }, i) => {
    if (secretName === undefined) return;
    const secret = { namespace: ingress.metadata.namespace, name: secretName };
    const listener = { kind: "Ingress", ...secret, name: ingress.metadata.name, part: `tls-${i}` };
    addCertificate(context, secret, { hostnames: hosts, listener, ...(clients && { clients }) }, (reason) =>
      say("error", `spec.tls[${i}].secretName`, reason),
    );
  });
}

/** More than the edge takes: what few lines ask for must not fill the memory. */
const MOST_MATCHES = 500_000;

function tooMuch(say: Say): string {
  const reason = `has more than ${MOST_MATCHES} matches with those of the mesh behind it`;
  say("error", "spec.rules", `${reason}: all its paths answer with an error`);
  return reason;
}

/** Undefined: there are too many. */
function rulesOf(reading: Reading): IngressRule[] | undefined {
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

type Draft = Omit<IngressRule, "schemes">;

/** Of all Ingresses of a dialect, with those repeated for narrower hosts: a table has places for no more. */
const MOST_RULES = 250_000;
const TOO_MANY_RULES = `its paths and hosts make more than ${MOST_RULES} rules together`;

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

/** What becomes of a backend's calls: one rule; or what the mesh behind it does, if there is one. */
type Outcome =
  | { readonly rule: Action & CallPolicies; readonly refused?: true }
  | { readonly mesh: NonNullable<ReturnType<typeof meshBehind>> };

function refusal(reason: string): Outcome {
  return { ...invalid(reason), refused: true };
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

function invalid(reason: string): { readonly rule: Action } {
  return { rule: { backends: [{ target: invalidTarget(reason), weight: 1 }] } };
}

function outcomeOf(reading: Reading, backend: IngressBackend, field: string, path: IngressPath | undefined): Outcome {
  const { dialect, refused } = reading;
  const named = backend.service && nameOfBackend(backend.service);
  const guards = refused ?? (named && dialect.guards?.(reading, named)) ?? [];
  if (typeof guards === "string") return refusal(guards);
  const outcome = unguarded(reading, backend, field, path);
  if (guards.length === 0) return outcome;
  const guarded = <R extends Action>(rule: R): R => ({ ...rule, filters: [...guards, ...(rule.filters ?? [])] });
  if ("rule" in outcome) return { ...outcome, rule: guarded(outcome.rule) };
  return { mesh: outcome.mesh.map((each) => ({ ...each, rule: guarded(each.rule) })) };
}

function nameOfBackend({ name, port }: NonNullable<IngressBackend["service"]>): BackendName {
  return { name, port: port.number ?? port.name ?? "" };
}

function unguarded(reading: Reading, backend: IngressBackend, field: string, path: IngressPath | undefined): Outcome {
  const { context, ingress, dialect, say } = reading;
  const fail = (at: string, reason: string): Outcome => {
    say("error", at, reason);
    return invalid(reason);
  };
  if (backend.service === undefined) return fail(`${field}.resource`, "only a Service can be a backend");
  const { name, port: wanted } = nameOfBackend(backend.service);
  const action = dialect.action?.(reading, { name, port: wanted });
  if (action !== undefined) return typeof action === "string" ? refusal(action) : { rule: action };
  const { namespace } = ingress.metadata;
  const service = context.objects.get("Service", namespace, name);
  const servicePort = service && findPort(service, wanted);
  const filters = dialect.filters?.(reading, path, service, servicePort) ?? [];
  if (typeof filters === "string") return refusal(filters);
  if (service === undefined) return fail(`${field}.service.name`, `there is no Service ${namespace}/${name}`);
  if (servicePort === undefined) return fail(`${field}.service.port`, noSuchPort(service, wanted));
  const mesh = meshBehind(context, service, servicePort);
  if (mesh !== undefined) {
    const reason = `no VirtualService is bound to the mesh behind Service ${namespace}/${name}: it serves nothing`;
    if (mesh.length === 0) say("warning", field, reason);
    return { mesh };
  }
  const target = useService(reading, service, servicePort);
  const policies = dialect.policies?.(reading, service, servicePort);
  return { rule: { ...(filters.length === 0 ? {} : { filters }), backends: [{ target, weight: 1 }], ...policies } };
}
