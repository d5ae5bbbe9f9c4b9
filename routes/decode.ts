/**
 * From one cluster's table as it came over the network to its checked part of the model. Whatever the message holds,
 * the answer is either the whole part or what is wrong with it, never an exception and never a part of the part.
 * This file and its folder alone know the protobuf types.
 */
import {
  OriginProtocol,
  Scheme as SchemeNumber,
  type Backend as BackendMessage,
  type BackendRef,
  type ClusterTable,
  type DescriptorSet,
  type Endpoint as EndpointMessage,
  type Route as RouteMessage,
  type Rule as RuleMessage,
  type SourceRef,
} from "../proto/gen/edgeway/v1/table_pb.js";
import { Place, type Issue } from "./issues.ts";
import { decodeFilter } from "./decode/filter.ts";
import { limits, list, nothing } from "./decode/list.ts";
import { decodeMatch, everything } from "./decode/match.ts";
import { Patterns } from "./decode/patterns.ts";
import { excessOf } from "./excess.ts";
import type { Backend, BackendChoice, ClusterPart, Endpoint, Filter, Route, Rule, Scheme, Source } from "./model.ts";
import { forms, isEndpointHost } from "./syntax.ts";

export type { Issue } from "./issues.ts";

export type Decoded =
  | { readonly part: ClusterPart; readonly issues?: undefined }
  | { readonly part?: undefined; readonly issues: readonly Issue[] };

/** What fits into one row of SQLite on Cloudflare, which holds 2 MB. */
export const maxDescriptorSetBytes = 1_900_000;

export function decode(table: ClusterTable): Decoded {
  const issues: Issue[] = [];
  const part = decodePart(table, Place.root(issues));
  return issues.length === 0 ? { part } : { issues };
}

function decodePart(table: ClusterTable, place: Place): ClusterPart {
  const cluster = place.at("cluster").check(table.cluster, forms.name);
  const hashes = new Set<string>();
  list(table.descriptorSets, limits.descriptorSets, place, "descriptorSets", (message, at) =>
    checkDescriptorSet(message, hashes, at),
  );
  const backends = list(table.backends, limits.backends, place, "backends", (message, at) =>
    decodeBackend(message, cluster, hashes, at),
  );
  const byKey = new Map<string, Backend>();
  table.backends.slice(0, backends.length).forEach(({ key }, index) => {
    if (byKey.has(key)) place.at("backends", index).at("key").wrong("is another backend's too");
    byKey.set(key, backends[index]!);
  });
  const keys = new Set<string>();
  const patterns = new Patterns();
  const routes = list(table.routes, limits.routes, place, "routes", (message, at) => {
    if (keys.has(message.key)) at.at("key").wrong("is another route's too");
    keys.add(message.key);
    return decodeRoute(message, { cluster, backends: byKey, patterns }, at);
  });
  const excess = excessOf(routes);
  if (excess !== undefined) place.at("routes").wrong(excess);
  return Object.freeze({ cluster, routes, backends });
}

/** Stands in for a source that is missing. */
const noSource: Source = Object.freeze({ kind: "", namespace: "", name: "" });

/** The source, and the place as seen from it. One that is missing or malformed is wrong and not quoted. */
function decodeSource(message: SourceRef | undefined, place: Place): { source: Source; at: Place } {
  const { kind, namespace, name } = message ?? noSource;
  const wellFormed =
    forms.kind.holds(kind) && (namespace === "" || forms.name.holds(namespace)) && forms.name.holds(name);
  if (!wellFormed) {
    place.at("source").wrong("must name a Kubernetes object by kind, namespace and name");
    return { source: noSource, at: place };
  }
  const source = Object.freeze({ kind, namespace, name });
  return { source, at: place.of(source) };
}

const protocols: ReadonlyMap<OriginProtocol, Backend["protocol"]> = new Map([
  [OriginProtocol.HTTP1, "http1"],
  [OriginProtocol.HTTP2, "http2"],
  [OriginProtocol.GRPC, "grpc"],
]);

/** The bytes are not read here, nor held against their hash, and may be left out: the table refers to sets by hash. */
function checkDescriptorSet({ hash, fileDescriptorSet }: DescriptorSet, hashes: Set<string>, place: Place): void {
  place.at("hash").check(hash, forms.hash);
  if (hashes.has(hash)) place.at("hash").wrong("is another descriptor set's too");
  hashes.add(hash);
  if (fileDescriptorSet.length > maxDescriptorSetBytes)
    place.at("fileDescriptorSet").wrong(`must have at most ${maxDescriptorSetBytes} bytes`);
}

function decodeBackend(message: BackendMessage, cluster: string, hashes: ReadonlySet<string>, place: Place): Backend {
  const { source, at } = decodeSource(message.source, place);
  const { descriptors } = message;
  if (descriptors !== "" && !hashes.has(descriptors))
    at.at("descriptors").wrong("names no descriptor set of the table");
  const protocol = protocols.get(message.protocol);
  if (protocol === undefined) at.at("protocol").wrong("must be HTTP1, HTTP2 or GRPC");
  return Object.freeze({
    name: `${cluster}/${at.at("key").check(message.key, forms.key)}`,
    source,
    protocol: protocol ?? "http1",
    tls: message.tls,
    endpoints: list(message.endpoints, limits.endpoints, at, "endpoints", decodeEndpoint),
    descriptors: descriptors === "" ? undefined : descriptors,
  });
}

function decodeEndpoint({ host, port }: EndpointMessage, place: Place): Endpoint {
  if (!isEndpointHost(host)) place.at("host").wrong("must be a lower-case host name or an IP address");
  if (port < 1 || port > 65_535) place.at("port").wrong("must be from 1 to 65535");
  return Object.freeze({ host, port });
}

/** The table that a route is part of. */
interface Context {
  readonly cluster: string;
  /** By key. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly patterns: Patterns;
}

function decodeRoute(message: RouteMessage, context: Context, place: Place): Route {
  const { source, at } = decodeSource(message.source, place);
  const created = Number(message.createdSeconds);
  if (!Number.isSafeInteger(created) || created < 0) at.at("createdSeconds").wrong("must be Unix seconds");
  const hostnames = list(message.hostnames, limits.hostnames, at, "hostnames", (hostname, where) =>
    where.check(hostname, forms.hostname),
  );
  const { clusterWeight = 1, grpcOnly } = message;
  if (clusterWeight > limits.weight) at.at("clusterWeight").wrong(`must be at most ${limits.weight}`);
  return Object.freeze({
    cluster: context.cluster,
    key: at.at("key").check(message.key, forms.key),
    source,
    created,
    hostnames: Object.freeze([...new Set(hostnames)]),
    singleLabel: message.singleLabelWildcards,
    schemes: decodeSchemes(message.schemes, at),
    clusterWeight,
    rules: list(message.rules, limits.rules, at, "rules", (rule, where) =>
      decodeRule(rule, grpcOnly, source, context, where),
    ),
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

function decodeRule(
  message: RuleMessage,
  rpcOnly: boolean,
  { kind, namespace, name }: Source,
  context: Context,
  place: Place,
): Rule {
  const { cluster, patterns } = context;
  const matches = list(message.matches, limits.matches, place, "matches", (match, at, index) =>
    decodeMatch(match, rpcOnly, patterns, at, index),
  );
  return Object.freeze({
    source: Object.freeze({ cluster, kind, namespace, name, ruleIndex: message.index }),
    priority: message.priority,
    matches: matches.length === 0 ? everything(rpcOnly) : matches,
    filters: list(message.filters, limits.filters, place, "filters", (filter, at) =>
      decodeFilter(filter, patterns, at),
    ),
    backends: list(message.backends, limits.choices, place, "backends", (ref, at) => decodeChoice(ref, context, at)),
  });
}

function decodeChoice(ref: BackendRef, { backends, patterns }: Context, place: Place): BackendChoice {
  const { target, weight } = ref;
  if (weight > limits.weight) place.at("weight").wrong(`must be at most ${limits.weight}`);
  const filters = list(ref.filters, limits.filters, place, "filters", (message, at): Filter => {
    const filter = decodeFilter(message, patterns, at);
    if (filter.kind === "redirect" || filter.kind === "directResponse" || filter.kind === "cors")
      at.wrong("answers: it belongs to the rule");
    return filter;
  });
  if (target.case === "invalid") {
    const invalid = place.at("invalid").check(target.value, forms.reason);
    return Object.freeze({ weight, filters, backend: undefined, invalid });
  }
  const backend = target.case === "backend" ? backends.get(target.value) : undefined;
  if (backend !== undefined) return Object.freeze({ weight, filters, backend, invalid: undefined });
  place.at("backend").wrong(target.case === "backend" ? "names no backend of the table" : "must be set");
  return Object.freeze({ weight, filters, backend: undefined, invalid: "no backend" });
}
