/** Random tables and requests, so alike that they often meet. */
import { CallProtocol, RequestPart, Scheme } from "../proto/gen/edgeway/v1/table_pb.js";
import type { Facts } from "./match.ts";
import type { ClusterPart } from "./model.ts";
import { exact, grpc, part, prefix, request, route, to, type RouteInit, type RuleInit } from "./table.fixture.ts";

export type Random = (below: number) => number;

/** Whole numbers in [0, below), the same for the same seed (a 32-bit xorshift). */
export function randomOf(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export function one<T>(random: Random, of: readonly T[]): T {
  return of[random(of.length)]!;
}

function some<T>(random: Random, of: readonly T[]): T[] {
  return of.filter(() => random(3) === 0);
}

const hostnames = ["a.test", "b.a.test", "*.test", "*.a.test", "*.b.a.test", "test"];
const segments = ["a", "b", "ab", "a.S"];
const names = ["x", "y"];
const values = ["1", "2"];
const otherProtocols = [CallProtocol.GRPC_WEB, CallProtocol.CONNECT, CallProtocol.HTTP];

function randomPath(random: Random): string {
  const path = Array.from({ length: random(4) }, () => `/${random(9) === 0 ? "" : one(random, segments)}`).join("");
  return path === "" || random(6) === 0 ? `${path}/` : path;
}

function randomMatch(random: Random): NonNullable<RuleInit["matches"]>[number] {
  const asked = {
    httpMethod: random(4) === 0 ? one(random, ["GET", "POST"]) : "",
    // A route for calls only takes no match that only plain HTTP can meet.
    protocols: random(4) === 0 ? [CallProtocol.GRPC, ...some(random, otherProtocols)] : [],
    headers: some(random, names).map((name) => ({ name, exact: one(random, values) })),
    queryParams: random(2) === 0 ? some(random, names).map((name) => ({ name, exact: one(random, values) })) : [],
    conditions: random(3) === 0 ? Array.from({ length: 1 + random(2) }, () => randomCondition(random)) : [],
  };
  const paths = [
    () => ({}),
    () => exact(randomPath(random)),
    () => prefix(randomPath(random)),
    () => grpc(one(random, segments)),
    () => grpc("", one(random, segments)),
    () => grpc(one(random, segments), one(random, segments)),
  ];
  return { ...one(random, paths)(), ...asked };
}

export type ConditionInit = NonNullable<NonNullable<RuleInit["matches"]>[number]["conditions"]>[number];

function randomCondition(random: Random): ConditionInit {
  const name = one(random, names);
  const on: readonly (readonly [ConditionInit["subject"], readonly string[]])[] = [
    [{ case: "header", value: name }, ["1", "[12]", ".*2"]],
    [{ case: "queryParam", value: name }, ["1", "1|3", ".+"]],
    [{ case: "part", value: RequestPart.PATH }, ["/a.*", ".*/b", "/[ab]+/.*", ".*"]],
    [{ case: "part", value: RequestPart.HOST }, [".*a[.]test", "b.*"]],
    [{ case: "part", value: RequestPart.METHOD }, ["GET|PUT"]],
    [{ case: "part", value: RequestPart.SCHEME }, ["http"]],
  ];
  const [subject, patterns] = one(random, on);
  const negate = random(3) === 0;
  return random(5) === 0 ? { subject, negate } : { subject, regex: one(random, patterns), negate };
}

export function randomPart(random: Random, cluster: string): ClusterPart {
  const routes = Array.from({ length: 1 + random(6) }, (_, index) => randomRoute(random, `r${index}`));
  return part({ cluster, lastResort: random(4) === 0 }, ...routes);
}

export function randomRoute(random: Random, name: string): RouteInit {
  return route(name, {
    source: { kind: one(random, ["HTTPRoute", "GRPCRoute"]), namespace: "default", name: one(random, names) },
    createdSeconds: BigInt(random(3)),
    hostnames: some(random, hostnames),
    singleLabelWildcards: random(3) === 0,
    grpcOnly: random(4) === 0,
    failover: random(4) === 0 ? 1 : 0,
    clusterWeight: random(4),
    schemes: random(3) === 0 ? [one(random, [Scheme.HTTP, Scheme.HTTPS])] : [],
    rules: Array.from({ length: 1 + random(3) }, (_rule, ruleIndex) => ({
      index: ruleIndex,
      priority: random(3) === 0 ? random(3) - 1 : 0,
      matches: Array.from({ length: random(4) }, () => randomMatch(random)),
      filters: random(5) === 0 ? [{ filter: { case: "directResponse", value: { status: 503 } } }] : [],
      backends: to({ [one(random, ["a", "b", "c"])]: random(4) }),
    })),
  });
}

export function randomRequest(random: Random): Facts {
  const query = names.filter(() => random(2) === 0).map((name) => `${name}=${one(random, values)}`);
  const host = one(random, [
    "a.test",
    "B.A.test",
    "c.a.test",
    "c.b.a.test",
    "test",
    "other",
    "a.test.",
    "b.test",
    ".a.test",
  ]);
  const url = `${one(random, ["http", "https"])}://${host}${one(random, ["", ":80"])}${randomPath(random)}`;
  return request(`${url}?${query.join("&")}`, {
    method: one(random, ["GET", "POST", "PUT"]),
    protocols: one(random, [["grpc"], ["grpc-web"], ["connect"], ["connect", "http"], ["http"]] as const),
    headers: Object.fromEntries(some(random, names).map((name) => [name, one(random, values)])),
  });
}
