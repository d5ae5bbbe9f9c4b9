import { forms } from "../../../routes/syntax.ts";
import type { IstioHttpMatch, IstioHttpRoute } from "../../objects/istio.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { keyOf } from "../../objects/object.ts";
import { useBackend } from "../backends.ts";
import type { BackendRefInit, Context, FilterInit, Say } from "../context.ts";
import { invalidTarget, sayAbout } from "../context.ts";
import { intersectHostnames } from "../hostnames.ts";
import type { Match } from "../match.ts";
import { ANY_REQUEST, eachWithEach } from "../match.ts";
import { refusedFor } from "../guards.ts";
import type { Guard } from "../object-index.ts";
import { getOrAdd } from "../object-index.ts";
import type { OrderedRule } from "../order.ts";
import { isReached } from "../origin.ts";
import type { Caller, Entry } from "./destinations.ts";
import { callPolicies, faultFilter, mirrorFilters } from "./calls.ts";
import { mirrorTarget, targetsOf } from "./destinations.ts";
import { corsFilter } from "./cors.ts";
import { dependsOnMatch, headerFilters, isWrong, routeFilters } from "./filters.ts";
import { guardsOf } from "./guards.ts";
import { toMatch } from "./match.ts";
import type { Server } from "./servers.ts";

/** A rule of a VirtualService, as the hosts that it shares with a server's have it. */
export type MeshRule = OrderedRule;

/** The rules of all VirtualServices that a server has, in order; by hostname, as Envoy has a virtual host for each. */
export function meshRules(
  context: Context,
  server: Server,
  entry: Entry | undefined,
  entries: Caller["entries"],
): MeshRule[] {
  const rules: MeshRule[] = [];
  const owners = new Map<string, ObjectOf<"VirtualService">>();
  const guards = context.unit("mesh guards", server.gateway, entries, (own) => guardsOf(own, server.gateway, entries));
  const name = `rules for ${keyOf(server.gateway)}/${server.index}`;
  for (const virtualService of byAge(context.objects.all("VirtualService"))) {
    if (!isBound(virtualService, server)) continue;
    const inputs = [server, entry?.service, entry?.port, ...guards, ...entries];
    const translated = context.unit(name, virtualService, inputs, (own) =>
      boundRules({ context: own, virtualService, server, entry, entries, guards, say: sayAbout(own, virtualService) }),
    );
    for (const { hostname } of translated) {
      const owner = getOrAdd(owners, hostname, () => virtualService);
      if (owner === virtualService) continue;
      const { namespace, name: other } = owner.metadata;
      const reason = `VirtualService ${namespace}/${other} has "${hostname || "*"}" too: its rules are tried first`;
      sayAbout(context, virtualService)("warning", "spec.hosts", reason);
    }
    for (const rule of translated) rules.push(rule);
  }
  return rules;
}

function boundRules(reading: Reading): MeshRule[] {
  const { virtualService, server, say } = reading;
  const hostnames = hostnamesOf(virtualService, server, say);
  if (hostnames.length === 0) return [];
  const translated = translateVirtualService(reading, hostnames.length);
  return hostnames.flatMap((hostname) => translated.map((rule) => ({ ...rule, hostname, schemes: [server.scheme] })));
}

function byAge(objects: readonly ObjectOf<"VirtualService">[]): ObjectOf<"VirtualService">[] {
  return objects.toSorted((a, b) => a.metadata.createdSeconds - b.metadata.createdSeconds);
}

/** Whether a VirtualService names the server's Gateway and may: without `gateways` it is for sidecars alone. */
function isBound({ metadata, spec }: ObjectOf<"VirtualService">, { gateway }: Server): boolean {
  const own = gateway.metadata;
  const visible = ({ exportTo }: typeof spec) =>
    exportTo.length === 0 ||
    exportTo.some((to) => to === "*" || (to === "." ? metadata.namespace : to) === own.namespace);
  return (
    visible(spec) &&
    spec.gateways.some((name) => gatewayName(name, metadata.namespace) === `${own.namespace}/${own.name}`)
  );
}

function gatewayName(name: string, namespace: string): string {
  return name.includes("/") ? name : `${namespace}/${name}`;
}

function hostnamesOf({ metadata, spec }: ObjectOf<"VirtualService">, server: Server, say: Say): string[] {
  const hosts = spec.hosts.flatMap((host, i) => {
    const hostname = host === "*" ? "" : host.toLowerCase();
    if (hostname === "" || forms.hostname.holds(hostname)) return [hostname];
    say("error", `spec.hosts[${i}]`, `must be ${forms.hostname.says}, not "${host}": left out`);
    return [];
  });
  const usable = server.hosts.filter(({ namespace }) => namespace === undefined || namespace === metadata.namespace);
  const common = usable.flatMap(({ hostname }) => (hosts.length === 0 ? [] : intersectHostnames(hostname, hosts)));
  return [...new Set(common)];
}

interface Reading extends Caller {
  readonly context: Context;
  readonly entry: Entry | undefined;
  /** They say who may call the server's gateway. */
  readonly guards: readonly Guard[];
  readonly say: Say;
}

function translateVirtualService(reading: Reading, hosts: number): Omit<MeshRule, "hostname" | "schemes">[] {
  const { virtualService, say } = reading;
  const { metadata, spec } = virtualService;
  for (const section of ["tls", "tcp"] as const) {
    if (spec[section] !== undefined)
      say("warning", `spec.${section}`, "is not carried: the edge serves HTTP and ends TLS");
  }
  const source = { kind: "VirtualService", namespace: metadata.namespace, name: metadata.name };
  const { createdSeconds } = metadata;
  const all: Omit<MeshRule, "hostname" | "schemes">[] = [];
  for (const [index, route] of spec.http.entries()) {
    const field = `spec.http[${index}]`;
    const rules = route.delegate === undefined ? oneRule(reading, route, field) : delegated(reading, route, field);
    for (const { matches, ...rule } of rules) all.push({ source, createdSeconds, matches, rule: { index, ...rule } });
    if (all.length <= MOST_RULES / hosts) continue;
    const reason = `has more than ${MOST_RULES} rules, as each host and each delegate's rule counts`;
    say("error", "spec.http", `${reason}: all answer with an error`);
    const rule = { backends: [{ target: invalidTarget(reason), weight: 1 }] };
    return [{ source, createdSeconds, matches: [], rule }];
  }
  return all;
}

/** More than the edge takes: what few lines ask for must not fill the memory. */
const MOST_RULES = 100_000;

type TableRule = { readonly matches: readonly Match[] } & Omit<OrderedRule["rule"], "index">;

/** One rule, or one for each of its matches where these decide what is rewritten. */
function oneRule(reading: Reading, route: IstioHttpRoute, field: string): TableRule[] {
  const matches = readMatches(reading, route.match, field);
  if (matches === undefined) return [];
  if (matches.length === 0) return [{ matches: [], ...actionOf(reading, route, undefined, field) }];
  if (!dependsOnMatch(route)) {
    return [{ matches: matches.map(({ match }) => match), ...actionOf(reading, route, undefined, field) }];
  }
  return matches.map(({ match, given }) => ({ matches: [match], ...actionOf(reading, route, given, field) }));
}

/** Another VirtualService's rules, for the calls that this rule takes. What both say, the other decides. */
function delegated(reading: Reading, route: IstioHttpRoute, field: string): TableRule[] {
  const { context, virtualService, say } = reading;
  const { name = "", namespace = virtualService.metadata.namespace } = route.delegate ?? {};
  const other = context.objects.get("VirtualService", namespace, name);
  const matches = readMatches(reading, route.match, field);
  if (matches === undefined) return [];
  const own = matches.length === 0 ? [ANY_REQUEST] : matches.map(({ match }) => match);
  const isDelegate = other !== undefined && other.spec.hosts.length === 0 && other.spec.gateways.length === 0;
  if (!isDelegate) {
    const reason =
      other === undefined
        ? `there is no VirtualService ${namespace}/${name}`
        : `VirtualService ${namespace}/${name} has hosts or gateways: it is no delegate`;
    say("error", `${field}.delegate`, reason);
    return [{ matches: own, backends: [{ target: invalidTarget(reason), weight: 1 }] }];
  }
  const there = { ...reading, virtualService: other, say: sayAbout(context, other) };
  return other.spec.http.flatMap((inner, i) => {
    if (inner.delegate !== undefined) {
      there.say("error", `spec.http[${i}].delegate`, "a delegate cannot delegate: left out");
      return [];
    }
    const merged = {
      ...inner,
      rewrite: inner.rewrite ?? route.rewrite,
      timeout: inner.timeout ?? route.timeout,
      retries: inner.retries ?? route.retries,
      fault: inner.fault ?? route.fault,
      mirror: inner.mirror ?? route.mirror,
      mirrorPercentage: inner.mirrorPercentage ?? route.mirrorPercentage,
      mirrors: inner.mirrors.length > 0 ? inner.mirrors : route.mirrors,
      corsPolicy: inner.corsPolicy ?? route.corsPolicy,
      headers: mergeHeaders(route.headers, inner.headers),
    };
    return oneRule(there, merged, `spec.http[${i}]`).map(({ matches: its, ...rule }): TableRule => {
      const all = eachWithEach(own, its);
      if (typeof all !== "string") return { ...rule, matches: all };
      there.say("error", `spec.http[${i}].match`, `${all}: answers with an error`);
      return { matches: own, backends: [{ target: invalidTarget(all), weight: 1 }] };
    });
  });
}

function mergeHeaders(a: IstioHttpRoute["headers"], b: IstioHttpRoute["headers"]): IstioHttpRoute["headers"] {
  if (a === undefined || b === undefined) return b ?? a;
  const side = (name: "request" | "response") => {
    const [first, second] = [a[name], b[name]];
    if (first === undefined || second === undefined) return second ?? first;
    return {
      set: { ...first.set, ...second.set },
      add: { ...first.add, ...second.add },
      remove: [...first.remove, ...second.remove],
    };
  };
  return { request: side("request"), response: side("response") };
}

interface ReadMatch {
  readonly match: Match;
  readonly given: IstioHttpMatch;
}

/** The matches for this server; undefined when there are some but none for it. */
function readMatches(
  { server, virtualService, say }: Reading,
  given: readonly IstioHttpMatch[],
  field: string,
): ReadMatch[] | undefined {
  const own = `${server.gateway.metadata.namespace}/${server.gateway.metadata.name}`;
  const { namespace } = virtualService.metadata;
  const matches = given.flatMap((each, i): ReadMatch[] => {
    const at = `${field}.match[${i}]`;
    if (each.gateways.length > 0 && !each.gateways.some((name) => gatewayName(name, namespace) === own)) return [];
    if (each.port !== undefined && each.port !== server.spec.port.number) return [];
    if (Object.keys(each.sourceLabels).length > 0 || each.sourceNamespace !== undefined) {
      say("info", at, "is left out: it is for calls from within the mesh");
      return [];
    }
    const match = toMatch(each);
    if (!("wrong" in match)) return [{ match, given: each }];
    say("error", `${at}.${match.field}`, `${match.wrong}: the match is left out`);
    return [];
  });
  return given.length > 0 && matches.length === 0 ? undefined : matches;
}

/** What becomes of the calls of a rule. What cannot be done as it says is answered with an error. */
function actionOf(
  reading: Reading,
  route: IstioHttpRoute,
  match: IstioHttpMatch | undefined,
  field: string,
): Omit<TableRule, "matches"> {
  const { context, entry, guards, say } = reading;
  const [guard, ...others] = guards;
  if (guard !== undefined) return guardedAction(reading, [guard, ...others], field);
  const fail = (at: string, reason: string) => {
    say("error", `${field}.${at}`, reason);
    return { backends: [{ target: invalidTarget(reason), weight: 1 }] };
  };
  const answers = route.redirect !== undefined || route.directResponse !== undefined;
  const destinations = route.route.map(({ destination }) => destination);
  const reached = answers
    ? undefined
    : targetsOf(context, reading, destinations, entry, (i, reason) =>
        say("error", `${field}.route[${i}].destination`, reason),
      );
  if (reached?.via === "mesh") return { backends: [{ target: reached.target, weight: 1 }] };
  const actions = routeFilters(route, match);
  if (isWrong(actions)) return fail(actions.field, actions.wrong);
  if (reached === undefined) return { filters: actions };
  const fault = faultFilter(route);
  if (typeof fault === "string") return fail("fault", fault);
  const mirrors = mirrorFilters(
    route,
    (destination) => mirrorTarget(context, reading, destination),
    (at, reason) => say("error", `${field}.${at}`, `${reason}: calls are made without it`),
  );
  const cors = corsFilter(route.corsPolicy, `${field}.corsPolicy`, say);
  const filters = [...cors, ...fault, ...actions, ...mirrors];
  if (route.route.length === 0) return fail("route", "there is no route, redirect or direct response");
  const backends: BackendRefInit[] = [];
  for (const [i, { weight, headers }] of route.route.entries()) {
    const own: FilterInit[] | { field: string; wrong: string } = headerFilters(headers);
    if (isWrong(own)) return fail(`route[${i}].${own.field}`, own.wrong);
    // Istio: one destination alone gets all calls, whatever its weight.
    const share = route.route.length === 1 ? 1 : weight;
    backends.push({ target: reached.targets[i]!, weight: share, ...(own.length === 0 ? {} : { filters: own }) });
  }
  const policies = callPolicies(route, field, say);
  return { name: route.name ?? "", ...(filters.length === 0 ? {} : { filters }), backends, ...policies };
}

/** The mesh's gateway checks who may call, where the edge reaches it, and then does what the rule says. */
function guardedAction(
  { context, entry, say }: Reading,
  guards: readonly [Guard, ...Guard[]],
  field: string,
): Omit<TableRule, "matches"> {
  if (entry !== undefined && isReached(context.objects, entry.service)) {
    const { namespace, name } = entry.service.metadata;
    const reason = `is not read: the calls go through Service ${namespace}/${name}, whose pods see to it`;
    for (const guard of guards) sayAbout(context, guard)("info", "", reason);
    return { backends: [{ target: useBackend(context, entry.service, entry.port, entry.hint), weight: 1 }] };
  }
  const reason = refusedFor(context, guards);
  say("error", field, `${reason}: answers with an error, as the gateway that does has no address`);
  return { backends: [{ target: invalidTarget(reason), weight: 1 }] };
}
