import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { limits } from "../../../routes/decode/list.ts";
import { forms } from "../../../routes/syntax.ts";
import { keyOf as nameOf } from "../../objects/object.ts";
import { compareText } from "../../report.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { IngressBackend, IngressPath } from "../../objects/ingress.ts";
import { findPort, noSuchPort } from "../backends.ts";
import type { ClientCertificates } from "../certificates.ts";
import { addCertificate } from "../certificates.ts";
import type { Context, RouteInit } from "../context.ts";
import { invalidTarget, sayAbout } from "../context.ts";
import { intersectHostnames } from "../hostnames.ts";
import { getOrAdd } from "../object-index.ts";
import { meshBehind } from "../istio/mesh.ts";
import type { Match } from "../match.ts";
import { combined } from "../match.ts";
import { countWithWider, inOrder, inTableOrder } from "../order.ts";
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
import { byPath, sayOf } from "./dialect.ts";
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
  const rules = rulesOf(reading);
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
function arrangeByTable(rules: readonly IngressRule[]) {
  const isMesh = rules.some(({ source }) => source.kind === "VirtualService");
  if (!isMesh) return inTableOrder(rules, keyOf);
  const byHost = [...Map.groupBy(rules, ({ hostname }) => hostname).values()];
  return byHost.flatMap((there) => inOrder(there.toSorted(byPath), keyOf));
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

function rulesOf(reading: Reading): IngressRule[] {
  const { ingress, dialect, say, context } = reading;
  const { spec } = ingress;
  const schemes = dialect.schemes(ingress, say, context);
  if (schemes === undefined) return [];
  const conditions = new Map<string, ReturnType<ConditionsOf>>();
  const conditionsOf: ConditionsOf = (name) => getOrAdd(conditions, name, () => dialect.conditions?.(reading, name));
  const aliases = dialect.aliases?.(reading) ?? [];
  let room = MOST_RULES;
  const made = spec.rules.flatMap(({ host = "", http }, index): Draft[] => {
    if (http !== undefined) {
      return http.paths.flatMap((path, i) => {
        const drafts = room < 0 ? [] : pathDrafts(reading, host, path, index, i, conditionsOf);
        room -= drafts.length * (aliases.length + 1);
        return drafts;
      });
    }
    if (spec.defaultBackend !== undefined) return defaultDrafts(reading, host, spec.defaultBackend, index);
    say("warning", `spec.rules[${index}]`, "has neither paths nor a default backend: it serves nothing");
    return [];
  });
  if (spec.defaultBackend !== undefined) {
    const own = spec.rules.flatMap(({ host = "", http }) => (http === undefined ? [] : host));
    const hosts = dialect.defaultsOwnHosts === true && spec.rules.length > 0 ? new Set(own) : [""];
    for (const host of hosts) made.push(...defaultDrafts(reading, host, spec.defaultBackend, spec.rules.length));
  } else if (spec.rules.length === 0) {
    say("warning", "spec", "has neither rules nor a default backend: it serves nothing");
  }
  if (room < 0) {
    say("error", "spec", `${TOO_MANY_RULES}: it is left out`);
    return [];
  }
  const own = made.flatMap((draft) =>
    [draft.hostname, ...(draft.hostname === "" ? [] : aliases)].map((hostname) => ({ ...draft, hostname })),
  );
  return redirected(reading, schemes, own);
}

type Draft = Omit<IngressRule, "schemes">;

const TOO_MANY = `its conditions and paths make more than ${limits.matches} matches together`;
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
    const { path: _, ...ofHost } = own;
    if (reading.dialect.redirectsPaths === true) redirects.push(own);
    else if (!redirectedHosts.has(hostname)) redirects.push({ ...ofHost, matches: [] });
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
  const fail = (reason: string) => draftsOf(reading, host, result.matches, index, path, refusal(reason));
  const wrong = (reason: string) => {
    sayOf(reading, `conditions.${name}`, "error", `${reason}: its paths answer with an error`);
    return fail(reason);
  };
  if (typeof conditions === "string") return fail(conditions);
  const { hosts = [], paths = [], matches = [] } = conditions ?? {};
  if (host !== "" && hosts.some(({ isExpression }) => isExpression)) return wrong(MIXED);
  // Without a path of its own, a condition's path is the only one.
  const places = path.path === undefined && paths.length > 0 ? paths : [...result.matches, ...paths];
  const all = combined(places, matches);
  if (all === undefined) return wrong(TOO_MANY);
  const outcome = outcomeOf(reading, path.backend, `${field}.backend`, path);
  const own = host !== "" || hosts.length === 0 ? draftsOf(reading, host, all, index, path, outcome) : [];
  return [
    ...own,
    ...hosts.flatMap((each) => draftsOf(reading, each.hostname, combined(all, each.matches)!, index, path, outcome)),
  ];
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
  return { rule: { backends: [{ target: invalidTarget(reason), weight: 1 }] }, refused: true };
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
    return [{ ...shared, hostname: host, source, createdSeconds, suffix: "", matches, rule, refused }];
  }
  if (outcome.mesh.some((inner) => combined(matches, inner.matches) === undefined)) {
    reading.say("error", `spec.rules[${index}]`, `with the mesh behind it ${TOO_MANY}: its paths answer with an error`);
    return draftsOf(reading, host, matches, index, path, refusal(TOO_MANY));
  }
  return outcome.mesh.flatMap((inner) =>
    intersectHostnames(host, [inner.hostname]).map((hostname) => ({
      ...shared,
      ...inner,
      hostname,
      via: { kind: "Ingress", namespace, name },
      suffix: `/${inner.source.kind}/${inner.source.namespace}/${inner.source.name}`,
      matches: combined(matches, inner.matches)!,
    })),
  );
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
    return { rule: { backends: [{ target: invalidTarget(reason), weight: 1 }] } };
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
