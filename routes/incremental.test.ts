/** Tables one after the other, of which most stays, against the same tables read for the first time. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { BackendSchema, type ClusterTable, ClusterTableSchema, RouteSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile, Compiler } from "./compile.ts";
import { decode, Decoder } from "./decode.ts";
import { match } from "./match.ts";
import type { ClusterPart } from "./model.ts";
import { one, randomOf, randomRequest, randomRoute, type Random } from "./random.fixture.ts";
import { backend, route, to, type BackendInit, type RouteInit } from "./table.fixture.ts";

/** The table with some of its routes and backends replaced, the others the very same messages. */
function changed(table: ClusterTable, random: Random): ClusterTable {
  const replaced = <M extends { readonly key: string }>(list: readonly M[], make: (key: string) => M): M[] =>
    list.map((message) => (random(3) === 0 ? make(message.key) : message));
  const routes = replaced(table.routes, (key) => create(RouteSchema, randomRoute(random, key)));
  return create(ClusterTableSchema, {
    cluster: table.cluster,
    routes: random(4) === 0 ? routes.slice(1) : routes,
    backends: replaced(table.backends, (key) => create(BackendSchema, backend(key, { connectTimeoutMs: random(9) }))),
    lastResort: random(8) === 0,
  });
}

function first(cluster: string, random: Random): ClusterTable {
  return create(ClusterTableSchema, {
    cluster,
    routes: Array.from({ length: 6 }, (_, index) => randomRoute(random, `r${index}`)),
    backends: ["a", "b", "c"].map((name) => create(BackendSchema, backend(`default/${name}:1`))),
  });
}

it("A table that follows another is what it would be by itself, in 60 random sequences", () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = randomOf(seed);
    const compiler = new Compiler();
    const clusters = ["east", "west"].map((cluster) => ({ decoder: new Decoder(), table: first(cluster, random) }));
    for (let step = 0; step < 6; step++) {
      const own = one(random, clusters);
      own.table = changed(own.table, random);
      const parts = clusters.map(({ decoder, table }) => decoder.decode(table).part!);
      const anew = clusters.map(({ table }) => decode(table).part!);
      expect(parts, `seed ${seed}`).toEqual(anew);
      const [table, tableAnew] = [compiler.compile(parts, 0n), compile(anew)];
      for (let i = 0; i < 10; i++) {
        const facts = randomRequest(random);
        expect(match(table, facts)?.rule, `seed ${seed}`).toEqual(match(tableAnew, facts)?.rule);
      }
    }
  }
});

describe("a table after another", () => {
  const tableOf = (routes: readonly RouteInit[], ...backends: BackendInit[]) =>
    create(ClusterTableSchema, { cluster: "east", routes: [...routes], backends });
  const decoded = (decoder: Decoder, table: ClusterTable): ClusterPart => {
    const { part, issues } = decoder.decode(table);
    if (part === undefined) throw new Error(JSON.stringify(issues));
    return part;
  };
  const rules = [{ backends: to({ a: 1 }) }];

  it("has what did not change as the very same objects, and follows what a route's backend has become", () => {
    const decoder = new Decoder();
    const before = tableOf([route("r", { rules }), route("s", {})], backend("default/a:1"));
    const part = decoded(decoder, before);
    expect(decoded(decoder, create(ClusterTableSchema, before)).routes[0]).toBe(part.routes[0]);
    const after = { ...before, backends: [create(BackendSchema, backend("default/a:1", { tls: true }))] };
    const next = decoded(decoder, after);
    expect(next.routes[0]?.rules[0]?.backends[0]?.backend?.tls).toBe(true);
    expect(next.routes[1]).toBe(part.routes[1]);
  });

  it("is refused for a backend that a route still names, and the next is read against the last good one", () => {
    const decoder = new Decoder();
    const good = tableOf([route("r", { rules })], backend("default/a:1"));
    const part = decoded(decoder, good);
    expect(decoder.decode({ ...good, backends: [] }).issues).toMatchObject([
      { reason: "names no backend of the table" },
    ]);
    expect(decoded(decoder, good).routes[0]).toBe(part.routes[0]);
  });

  it("shares equal policies with what stays", () => {
    const decoder = new Decoder();
    const originTls = { serverName: "a.test" };
    const before = tableOf([], backend("default/b:1", { tls: true, originTls }));
    const [kept] = decoded(decoder, before).backends;
    const added = create(BackendSchema, backend("default/a:1", { tls: true, originTls }));
    const [next, same] = decoded(decoder, { ...before, backends: [added, ...before.backends] }).backends;
    expect(same).toBe(kept);
    expect(next?.originTls).toBe(kept?.originTls);
  });

  it("counts the expressions of what stays", () => {
    const decoder = new Decoder();
    const withRegex = (name: string, count: number): RouteInit =>
      route(name, {
        hostnames: [`${name}.test`],
        rules: Array.from({ length: count }, (_, i) => ({
          matches: [{ conditions: [{ subject: { case: "header", value: "a" } as const, regex: `${name}${i}[0-9]+` }] }],
        })),
      });
    const before = tableOf([withRegex("r", 1000)]);
    decoded(decoder, before);
    const more = create(RouteSchema, withRegex("s", 25));
    const { issues } = decoder.decode({ ...before, routes: [...before.routes, more] });
    expect(issues).toMatchObject([{ reason: expect.stringContaining("1024 other regular expressions") }]);
  });
});
