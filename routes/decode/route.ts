/** From a route's message to its checked form. */
import {
  Scheme as SchemeNumber,
  type BackendRef,
  type Route as RouteMessage,
  type Rule as RuleMessage,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Place } from "../issues.ts";
import type { Backend, BackendChoice, Filter, Route, Rule, Scheme, Source } from "../model.ts";
import { forms } from "../syntax.ts";
import { decodeFilter } from "./filter.ts";
import { limits, list, nothing } from "./list.ts";
import { decodeMatch, everything } from "./match.ts";
import type { Patterns } from "./patterns.ts";
import { decodeHedging, decodeRetry, decodeSession, decodeTimeouts } from "./rule-policies.ts";
import type { Shared } from "./shared.ts";
import { decodeSource } from "./source.ts";

/** The table that a route is part of. */
export interface Context {
  readonly cluster: string;
  /** By key. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly patterns: Patterns;
  readonly shared: Shared;
  readonly lastResort: boolean;
}

/** More than the failover of any route can be. */
const lastRanks = 2 ** 32;

export function decodeRoute(message: RouteMessage, context: Context, place: Place): Route {
  const { source, at } = decodeSource(message.source, place);
  const { cluster } = context;
  const created = Number(message.createdSeconds);
  if (!Number.isSafeInteger(created) || created < 0) at.at("createdSeconds").wrong("must be Unix seconds");
  const hostnames = list(message.hostnames, limits.hostnames, at, "hostnames", (hostname, where) =>
    where.check(hostname, forms.hostname),
  );
  const { clusterWeight = 1 } = message;
  if (clusterWeight > limits.weight) at.at("clusterWeight").wrong(`must be at most ${limits.weight}`);
  return Object.freeze({
    cluster,
    key: at.at("key").check(message.key, forms.key),
    source,
    created,
    hostnames: Object.freeze([...new Set(hostnames)]),
    singleLabel: message.singleLabelWildcards,
    schemes: decodeSchemes(message.schemes, at),
    clusterWeight,
    failover: message.failover + (context.lastResort ? lastRanks : 0),
    rules: list(message.rules, limits.rules, at, "rules", (rule, where, index) => {
      const owner = { source, rpcOnly: message.grpcOnly, id: `${cluster}/${message.key}#${index}` };
      return decodeRule(rule, owner, context, where);
    }),
  });
}

const schemes: ReadonlyMap<SchemeNumber, Scheme> = new Map([
  [SchemeNumber.HTTP, "http"],
  [SchemeNumber.HTTPS, "https"],
]);

/** All schemes are the same as none. */
function decodeSchemes(numbers: readonly SchemeNumber[], place: Place): readonly Scheme[] {
  const named = list(numbers, limits.schemes, place, "schemes", (number, at) => {
    const scheme = schemes.get(number);
    if (scheme === undefined) at.wrong("must be HTTP or HTTPS");
    return scheme ?? "http";
  });
  const distinct = new Set(named);
  return distinct.size === schemes.size ? nothing : Object.freeze([...distinct]);
}

/** What a rule has of its route. */
interface Owner {
  readonly source: Source;
  readonly rpcOnly: boolean;
  /** The rule's own among the rules of all clusters. */
  readonly id: string;
}

function decodeRule(message: RuleMessage, { source, rpcOnly, id }: Owner, context: Context, place: Place): Rule {
  const { cluster, patterns, shared } = context;
  const { kind, namespace, name } = source;
  const keep = <T extends object>(policy: T | undefined): T | undefined => policy && shared.of(policy);
  const matches = list(message.matches, limits.matches, place, "matches", (match, at, index) =>
    decodeMatch(match, rpcOnly, patterns, at, index),
  );
  return Object.freeze({
    source: Object.freeze({ cluster, kind, namespace, name, ruleIndex: message.index }),
    name: message.name === "" ? undefined : place.at("name").check(message.name, forms.ruleName),
    priority: message.priority,
    matches: matches.length === 0 ? everything(rpcOnly) : matches,
    filters: list(message.filters, limits.filters, place, "filters", (filter, at, index) =>
      decodeFilter(filter, context, `${id}.${index}`, at),
    ),
    backends: list(message.backends, limits.choices, place, "backends", (ref, at) => decodeChoice(ref, context, at)),
    timeouts: keep(decodeTimeouts(message.timeouts, place)),
    retry: keep(decodeRetry(message.retry, place)),
    hedging: keep(decodeHedging(message.hedging, place)),
    session: keep(decodeSession(message.session, place)),
    clusters: undefined,
  });
}

/** What can apply to the calls of one choice: the rest is done before a backend is chosen. */
const filtersOfChoices: ReadonlySet<Filter["kind"]> = new Set(["requestHeaders", "responseHeaders", "urlRewrite"]);

function decodeChoice(ref: BackendRef, context: Context, place: Place): BackendChoice {
  const { target, weight } = ref;
  if (weight > limits.weight) place.at("weight").wrong(`must be at most ${limits.weight}`);
  const filters = list(ref.filters, limits.filters, place, "filters", (message, at): Filter => {
    const filter = decodeFilter(message, context, "", at);
    if (!filtersOfChoices.has(filter.kind)) at.wrong("must be the rule's: it applies before a backend is chosen");
    return filter;
  });
  if (target.case === "invalid") {
    const invalid = place.at("invalid").check(target.value, forms.reason);
    return Object.freeze({ weight, filters, backend: undefined, invalid });
  }
  const backend = target.case === "backend" ? context.backends.get(target.value) : undefined;
  if (backend !== undefined) return Object.freeze({ weight, filters, backend, invalid: undefined });
  place.at("backend").wrong(target.case === "backend" ? "names no backend of the table" : "must be set");
  return Object.freeze({ weight, filters, backend: undefined, invalid: "no backend" });
}
