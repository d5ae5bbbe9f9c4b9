/**
 * What matching costs as the table grows, beside the routers of Hono and Fastify on what they can express; and what a
 * table costs to decode, compile and keep. Every subject of a case answers the same requests in turn, round by round,
 * and every answer is checked once. The requests' strings are new in each round, as a listener's are, so that no
 * router is helped by hashes remembered from the last time.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import findMyWay from "find-my-way";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { ClusterTableSchema, OriginProtocol, type RouteSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { match, type Facts } from "../../routes/match.ts";
import type { RouteTable } from "../../routes/model.ts";
import { type BenchOptions, machine, type Row, spread, writeReport } from "./report.ts";

const sizes = [10, 100, 1000, 10_000, 100_000];
const rounds = 7;
const callsPerRound = 20_000;
/** Calls of a round that are timed one by one. */
const timedCalls = 2000;
/** A router that took longer for a tenth of the rules is left out. */
const patienceMs = 2000;

/** A kind of rule. Rule `i` must be the one that takes request `i`. */
interface Kind {
  readonly name: string;
  route(i: number): RouteInit;
  request(i: number): { readonly host?: string; readonly path?: string; readonly tenant?: string };
  /** The path pattern for routers that have only method and path, if they can express the rule. */
  readonly pattern?: (i: number) => string;
}

type RouteInit = Omit<MessageInitShape<typeof RouteSchema>, "$typeName">;

const service = (i: number) => `team${i % 97}.v1.Service${Math.floor(i / 10)}`;
const methodName = (i: number) => `Method${i % 10}`;
const prefix = (i: number) => `/area${i % 10}/service${i}`;

const kinds: readonly Kind[] = [
  {
    name: "grpc",
    route: (i) => ruleOf(i, { path: { case: "grpcMethod", value: { service: service(i), method: methodName(i) } } }),
    request: (i) => ({ path: `/${service(i)}/${methodName(i)}` }),
    pattern: (i) => `/${service(i)}/${methodName(i)}`,
  },
  {
    name: "prefix",
    route: (i) => ruleOf(i, { path: { case: "pathPrefix", value: prefix(i) } }),
    request: (i) => ({ path: `${prefix(i)}/items/42` }),
    pattern: (i) => `${prefix(i)}/*`,
  },
  {
    name: "host",
    route: (i) => ({ ...ruleOf(i, {}), hostnames: [`host${i}.example.com`] }),
    request: (i) => ({ host: `host${i}.example.com` }),
  },
  {
    name: "wildcard",
    route: (i) => ({ ...ruleOf(i, {}), hostnames: [`*.host${i}.example.com`] }),
    request: (i) => ({ host: `a.host${i}.example.com` }),
  },
  {
    name: "header",
    route: (i) => ruleOf(i, { headers: [{ name: "tenant", exact: `tenant${i}` }] }),
    request: (i) => ({ tenant: `tenant${i}` }),
  },
];

type MatchInit = NonNullable<NonNullable<RouteInit["rules"]>[number]["matches"]>[number];

function ruleOf(i: number, condition: MatchInit): RouteInit {
  const backends = [{ target: { case: "backend", value: `default/service${i % 100}:80` }, weight: 1 } as const];
  return {
    key: `route${i}`,
    source: { kind: "HTTPRoute", namespace: "default", name: `route${i}` },
    rules: [{ index: i, matches: [condition], backends }],
  };
}

function encodeTable(kind: Kind, size: number): Uint8Array {
  const source = { kind: "Service", namespace: "default", name: "service" };
  const backends = Array.from({ length: 100 }, (_, i) => ({
    key: `default/service${i}:80`,
    source,
    protocol: OriginProtocol.HTTP2,
    endpoints: [{ host: "10.0.0.1", port: 80 }],
  }));
  const routes = Array.from({ length: size }, (_, i) => kind.route(i));
  return toBinary(ClusterTableSchema, create(ClusterTableSchema, { cluster: "east", routes, backends }));
}

function compileTable(bytes: Uint8Array): RouteTable {
  const { part, issues } = decode(fromBinary(ClusterTableSchema, bytes));
  if (issues !== undefined) throw new Error(JSON.stringify(issues[0]));
  return compile([part]);
}

interface Router {
  /** What the router has for a request: this is what is timed. */
  find(facts: Facts): unknown;
  /** The index of the rule that takes the request. */
  indexOf(facts: Facts): number | undefined;
}

function routerOf<T>(find: (facts: Facts) => T | undefined, indexOf: (found: T) => number | undefined): Router {
  return {
    find,
    indexOf(facts) {
      const found = find(facts);
      return found === undefined ? undefined : indexOf(found);
    },
  };
}

/** Builds each subject's router; undefined where it cannot express the rules. */
const subjects: Readonly<Record<string, (kind: Kind, size: number) => Router | undefined>> = {
  edgeway(kind, size) {
    const table = compileTable(encodeTable(kind, size));
    return routerOf(
      (facts) => match(table, facts),
      (found) => found.rule.source.ruleIndex,
    );
  },
  "hono RegExpRouter"({ pattern }, size) {
    if (pattern === undefined) return undefined;
    const router = new RegExpRouter<number>();
    for (let i = 0; i < size; i++) router.add("POST", pattern(i), i);
    router.match("POST", pattern(0)); // it builds itself at the first match
    return routerOf(
      ({ method, path }) => router.match(method, path)[0][0],
      ([index]) => index,
    );
  },
  // It can also bind a route to a host, but 31 routes of one path at most.
  "find-my-way"({ pattern }, size) {
    if (pattern === undefined) return undefined;
    const router = findMyWay();
    for (let i = 0; i < size; i++) {
      router.on(
        "POST",
        pattern(i),
        Object.assign(() => undefined, { index: i }),
      );
    }
    return routerOf(
      ({ path }) => router.find("POST", path) ?? undefined,
      ({ handler }) => Reflect.get(handler, "index"),
    );
  },
};

/** As many requests as a round has calls, to rules spread over the whole table, of strings that nobody has seen. */
function freshRequests(kind: Kind, size: number, round: number): Facts[] {
  return Array.from({ length: callsPerRound }, (_, call) => {
    const { host = "example.com", path = "/a/b", tenant } = kind.request(ruleAt(call, round, size));
    const value = tenant === undefined ? undefined : fresh(tenant);
    return {
      scheme: "https",
      host: fresh(host),
      path: fresh(path),
      query: "",
      method: "POST",
      protocols: ["grpc"],
      header: () => value,
    };
  });
}

function ruleAt(call: number, round: number, size: number): number {
  return (Math.imul(call + round * callsPerRound, 0x9e3779b1) >>> 0) % size;
}

function fresh(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

interface Sample {
  readonly seconds: number;
  readonly cpuMicros: number;
  readonly latencies: readonly number[];
}

function sample(router: Router, requests: readonly Facts[]): Sample {
  const latencies = requests.slice(0, timedCalls).map((facts) => {
    const began = performance.now();
    router.find(facts);
    return performance.now() - began;
  });
  const calls = requests.slice(timedCalls);
  const cpu = process.cpuUsage();
  const began = performance.now();
  let found = 0;
  for (const facts of calls) if (router.find(facts) !== undefined) found++;
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  if (found !== calls.length) throw new Error(`${calls.length - found} requests found no rule`);
  return { seconds: seconds / calls.length, cpuMicros: (user + system) / calls.length, latencies };
}

function check(name: string, router: Router, requests: readonly Facts[], size: number): void {
  requests.forEach((facts, call) => {
    const wanted = ruleAt(call, 0, size);
    const got = router.indexOf(facts);
    if (got !== wanted) throw new Error(`${name}: ${facts.host}${facts.path} went to rule ${got}, not ${wanted}`);
  });
}

function rowOf(name: string, subject: string, samples: readonly Sample[]): Row {
  const latencies = samples.flatMap((one) => one.latencies).toSorted((a, b) => a - b);
  return {
    case: name,
    subject,
    callsPerSecond: spread(samples.map((one) => 1 / one.seconds)),
    cpuMicrosPerCall: spread(samples.map((one) => one.cpuMicros)),
    wrong: 0,
    latencyMs: {
      p50: latencies[Math.floor(latencies.length / 2)]!,
      p99: latencies[Math.floor(latencies.length * 0.99)]!,
    },
  };
}

/** The rows of one kind at all sizes. */
function benchMatch(kind: Kind): Row[] {
  const rows: Row[] = [];
  let able = Object.keys(subjects);
  for (const size of sizes) {
    const routers = new Map<string, Router>();
    const tooSlow = new Set<string>();
    for (const name of able) {
      const began = performance.now();
      const router = subjects[name]!(kind, size);
      if (router === undefined) continue;
      routers.set(name, router);
      if (performance.now() - began > patienceMs && name !== "edgeway") tooSlow.add(name);
    }
    rows.push(...benchRouters(kind, size, routers));
    if (size !== sizes.at(-1)) {
      for (const name of tooSlow) console.log(`${name} takes over ${patienceMs} ms to build ${size}: no more of it`);
    }
    able = able.filter((name) => routers.has(name) && !tooSlow.has(name));
  }
  return rows;
}

function benchRouters(kind: Kind, size: number, routers: ReadonlyMap<string, Router>): Row[] {
  const samples = new Map(Array.from(routers.keys(), (name): [string, Sample[]] => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, router] of routers) {
      const requests = freshRequests(kind, size, round);
      if (round === 0) check(name, router, requests, size);
      else samples.get(name)!.push(sample(router, requests));
    }
  }
  return Array.from(samples, ([name, own]) => print(rowOf(`match/${kind.name}/${size}`, name, own)));
}

/** Rows whose call is to decode and to compile a whole table. */
function benchBuild(kind: Kind, size: number): Row[] {
  const bytes = encodeTable(kind, size);
  const samples: Record<"decode" | "compile", Sample[]> = { decode: [], compile: [] };
  for (let round = 0; round < rounds; round++) {
    const message = fromBinary(ClusterTableSchema, bytes);
    const [decoded, decoding] = timed(() => decode(message));
    const [, compiling] = timed(() => compile([decoded.part!]));
    samples.decode.push(decoding);
    samples.compile.push(compiling);
  }
  const rows = Object.entries(samples).map(([step, own]) =>
    print(rowOf(`${step}/${kind.name}/${size}`, "edgeway", own)),
  );
  console.log(`memory/${kind.name}/${size}`.padEnd(26), `${Math.round(bytesPerRule(bytes))} bytes per rule`);
  return rows;
}

function timed<T>(run: () => T): [T, Sample] {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const result = run();
  const millis = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return [result, { seconds: millis / 1000, cpuMicros: user + system, latencies: [millis] }];
}

function bytesPerRule(bytes: Uint8Array): number {
  const before = heapUsed();
  const table = compileTable(bytes);
  return (heapUsed() - before) / table.parts[0]!.routes.length;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function print(row: Row): Row {
  const { min, median, max } = row.callsPerSecond;
  const micros = [1e6 / max, 1e6 / median, 1e6 / min].map((value) => value.toFixed(3).padStart(11)).join(" ");
  const p99 = (row.latencyMs.p99 * 1000).toFixed(2).padStart(11);
  console.log(row.case.padEnd(26), row.subject.padEnd(18), micros, p99);
  return row;
}

export default async function bench({ json }: BenchOptions): Promise<void> {
  console.log(machine);
  console.log("us per call".padEnd(45), ["min", "median", "max", "p99"].map((name) => name.padStart(11)).join(" "));
  const rows = kinds.flatMap(benchMatch);
  for (const kind of kinds) rows.push(...benchBuild(kind, sizes.at(-1)!));
  writeReport(json, rounds, rows);
}
