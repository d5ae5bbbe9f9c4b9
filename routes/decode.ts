/**
 * From one cluster's table as it came over the network to its checked part of the model. Whatever the message holds,
 * the answer is either the whole part or what is wrong with it, never an exception and never a part of the part.
 * The only file that knows the protobuf types.
 */
import { isMessage } from "@bufbuild/protobuf";
import {
  OriginProtocol,
  Scheme as SchemeNumber,
  type Backend as BackendMessage,
  type BackendRef,
  type ClusterTable,
  type DescriptorSet,
  type Endpoint as EndpointMessage,
  type Filter as FilterMessage,
  type Match as MatchMessage,
  type Route as RouteMessage,
  type Rule as RuleMessage,
  type SourceRef,
} from "../proto/gen/edgeway/v1/table_pb.js";
import { Place, type Issue } from "./issues.ts";
import type {
  Backend,
  BackendChoice,
  ClusterPart,
  Endpoint,
  Filter,
  Match,
  Pair,
  PathMatch,
  Route,
  Rule,
  Scheme,
  Source,
} from "./model.ts";
import { excessOf } from "./excess.ts";
import { everyPath, exactPath, grpcMethod, pathPrefix } from "./paths.ts";
import { forms, framingHeaders, isEndpointHost, type Form } from "./syntax.ts";

export type { Issue } from "./issues.ts";

export type Decoded =
  | { readonly part: ClusterPart; readonly issues?: undefined }
  | { readonly part?: undefined; readonly issues: readonly Issue[] };

/**
 * How many of each a table may have. Gateway API's own limits are lower (16 hostnames, rules, filters, backends,
 * header and query conditions; 64 matches), but other dialects have none. What one request is held against is kept
 * near them; the rest bounds memory.
 */
const limits = {
  routes: 100_000,
  backends: 100_000,
  hostnames: 1024,
  schemes: 2,
  rules: 1024,
  matches: 1024,
  conditions: 16,
  filters: 64,
  modifications: 64,
  choices: 64,
  /** Gateway API's largest weight. */
  weight: 1_000_000,
  endpoints: 1024,
  descriptorSets: 256,
};

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
  const routes = list(table.routes, limits.routes, place, "routes", (message, at) => {
    if (keys.has(message.key)) at.at("key").wrong("is another route's too");
    keys.add(message.key);
    return decodeRoute(message, cluster, byKey, at);
  });
  const excess = excessOf(routes);
  if (excess !== undefined) place.at("routes").wrong(excess);
  return Object.freeze({ cluster, routes, backends });
}

const nothing: readonly never[] = Object.freeze([]);

/** What `decodeOne` makes of each message. A longer list than `limit` is wrong and not read. */
function list<M, T>(
  messages: readonly M[],
  limit: number,
  place: Place,
  name: string,
  decodeOne: (message: M, place: Place, index: number) => T,
): readonly T[] {
  if (messages.length === 0) return nothing;
  if (messages.length > limit) {
    place.at(name).wrong(`must have at most ${limit} entries, has ${messages.length}`);
    return nothing;
  }
  return Object.freeze(
    messages.map((message, index) => {
      const at = place.at(name, index);
      refuseUnknown(message, at);
      return decodeOne(message, at, index);
    }),
  );
}

/**
 * A field of a newer schema may narrow what the others say, as a new kind of match would: to read a message without it
 * could route calls that it keeps apart. So the edge is updated before its agents.
 */
function refuseUnknown(message: unknown, place: Place): void {
  if (isMessage(message) && message.$unknown !== undefined)
    place.wrong("has a field that this edge is too old to know");
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

function decodeRoute(
  message: RouteMessage,
  cluster: string,
  backends: ReadonlyMap<string, Backend>,
  place: Place,
): Route {
  const { source, at } = decodeSource(message.source, place);
  const created = Number(message.createdSeconds);
  if (!Number.isSafeInteger(created) || created < 0) at.at("createdSeconds").wrong("must be Unix seconds");
  const hostnames = list(message.hostnames, limits.hostnames, at, "hostnames", (hostname, where) =>
    where.check(hostname, forms.hostname),
  );
  return Object.freeze({
    cluster,
    key: at.at("key").check(message.key, forms.key),
    source,
    created,
    hostnames: Object.freeze([...new Set(hostnames)]),
    schemes: decodeSchemes(message.schemes, at),
    rules: list(message.rules, limits.rules, at, "rules", (rule, where) =>
      decodeRule(rule, cluster, source, backends, where),
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
  cluster: string,
  { kind, namespace, name }: Source,
  backends: ReadonlyMap<string, Backend>,
  place: Place,
): Rule {
  const matches = list(message.matches, limits.matches, place, "matches", decodeMatch);
  return Object.freeze({
    source: Object.freeze({ cluster, kind, namespace, name, ruleIndex: message.index }),
    matches: matches.length === 0 ? everything : matches,
    filters: list(message.filters, limits.filters, place, "filters", decodeFilter),
    backends: list(message.backends, limits.choices, place, "backends", (ref, at) => decodeChoice(ref, backends, at)),
  });
}

const everything: readonly Match[] = Object.freeze([
  Object.freeze({ index: 0, path: everyPath, method: undefined, headers: nothing, params: nothing }),
]);

function decodeMatch(message: MatchMessage, place: Place, index: number): Match {
  const { httpMethod, headers, queryParams } = message;
  return Object.freeze({
    index,
    path: decodePath(message.path, place.at("path")),
    method: httpMethod === "" ? undefined : place.at("httpMethod").check(httpMethod, forms.httpMethod),
    headers: decodeConditions(headers, place, "headers", forms.headerName, forms.headerValue),
    params: decodeConditions(queryParams, place, "queryParams", forms.paramName, forms.paramValue),
  });
}

function decodePath(path: MatchMessage["path"], place: Place): PathMatch {
  switch (path.case) {
    case "exactPath":
      return exactPath(path.value, place);
    case "pathPrefix":
      return pathPrefix(path.value, place);
    case "grpcMethod":
      refuseUnknown(path.value, place);
      return grpcMethod(path.value.service, path.value.method, place);
    default:
      return everyPath;
  }
}

/** Of conditions on the same name the first counts, as Gateway API says. */
function decodeConditions(
  messages: readonly { readonly name: string; readonly exact: string }[],
  place: Place,
  field: string,
  nameForm: Form,
  valueForm: Form,
): readonly Pair[] {
  const pairs = list(messages, limits.conditions, place, field, ({ name, exact }, at) =>
    pair(at.at("name").check(name, nameForm), at.at("exact").check(exact, valueForm)),
  );
  if (pairs.length < 2) return pairs;
  return Object.freeze(firstOfEachName(pairs).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function pair(name: string, value: string): Pair {
  return Object.freeze([name, value] as const);
}

function firstOfEachName(pairs: readonly Pair[]): Pair[] {
  const names = new Set<string>();
  return pairs.filter(([name]) => names.size < names.add(name).size);
}

function decodeFilter({ filter }: FilterMessage, place: Place): Filter {
  if (filter.case === undefined) {
    place.wrong("must be a filter that this edge knows");
    return Object.freeze({ kind: "requestHeaders", set: nothing, add: nothing, remove: nothing });
  }
  const at = place.at(filter.case);
  refuseUnknown(filter.value, at);
  const { set, add, remove } = filter.value;
  return Object.freeze({
    kind: filter.case,
    set: Object.freeze(firstOfEachName(list(set, limits.modifications, at, "set", decodeHeader))),
    add: list(add, limits.modifications, at, "add", decodeHeader),
    remove: list(remove, limits.modifications, at, "remove", (name, where) => where.check(name, forms.headerName)),
  });
}

function decodeHeader({ name, value }: { readonly name: string; readonly value: string }, place: Place): Pair {
  if (framingHeaders.has(name)) place.at("name").wrong("must not be a header of the connection or of the framing");
  return pair(place.at("name").check(name, forms.headerName), place.at("value").check(value, forms.headerValue));
}

function decodeChoice(
  { target, weight }: BackendRef,
  backends: ReadonlyMap<string, Backend>,
  place: Place,
): BackendChoice {
  if (weight > limits.weight) place.at("weight").wrong(`must be at most ${limits.weight}`);
  if (target.case === "invalid") {
    const invalid = place.at("invalid").check(target.value, forms.reason);
    return Object.freeze({ weight, filters: nothing, backend: undefined, invalid });
  }
  const backend = target.case === "backend" ? backends.get(target.value) : undefined;
  if (backend !== undefined) return Object.freeze({ weight, filters: nothing, backend, invalid: undefined });
  place.at("backend").wrong(target.case === "backend" ? "names no backend of the table" : "must be set");
  return Object.freeze({ weight, filters: nothing, backend: undefined, invalid: "no backend" });
}
