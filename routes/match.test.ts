import { describe, expect, it } from "vitest";
import { Scheme } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "./compile.ts";
import { match } from "./match.ts";
import type { RouteTable } from "./model.ts";
import { exact, grpc, part, prefix, request, route, winner, type RuleInit } from "./table.fixture.ts";

/** A table of a route per entry, each with one rule of one match, named by its key. */
function tableOf(matches: Readonly<Record<string, NonNullable<RuleInit["matches"]>[number]>>): RouteTable {
  return compile([
    part(
      "east",
      ...Object.entries(matches).map(([name, condition]) => route(name, { rules: [{ matches: [condition] }] })),
    ),
  ]);
}

function hosts(hostnames: Readonly<Record<string, readonly string[]>>): RouteTable {
  return compile([
    part("east", ...Object.entries(hostnames).map(([name, own]) => route(name, { hostnames: [...own], rules: [{}] }))),
  ]);
}

describe("a host", () => {
  const table = hosts({ exact: ["a.example.com"], wild: ["*.example.com"], wilder: ["*.com"], any: [] });

  it.each([
    ["a.example.com", "exact"],
    ["b.example.com", "wild"],
    ["c.b.example.com", "wild"],
    ["b.a.example.com", "wild"],
    ["example.com", "wilder"],
    ["example.org", "any"],
    ["com", "any"],
    [".example.com", "wilder"],
    ["", "any"],
  ])("%j goes to the most specific hostname: %s", (host, name) => {
    expect(winner(table, "http://x/", { host })).toBe(`${name}#0`);
  });

  it("is compared without port, case and the final dot", () => {
    for (const host of ["a.example.com:8443", "A.Example.COM", "a.example.com.", "A.EXAMPLE.com.:443"]) {
      expect(winner(table, "http://x/", { host }), host).toBe("exact#0");
    }
  });

  it("may be an IPv6 address with a port, which only a route without hostnames takes", () => {
    for (const host of ["[::1]:8443", "[::1]", "::1", "[::1", "[::ffff:1.example.com]"]) {
      expect(winner(table, "http://x/", { host }), host).toBe("any#0");
    }
  });

  it("of an internationalised name is matched in its ASCII form only", () => {
    const idn = hosts({ idn: ["xn--bcher-kva.example"], k: ["k.example"] });
    expect(winner(idn, "http://x/", { host: "XN--BCHER-KVA.example" })).toBe("idn#0");
    expect(winner(idn, "http://x/", { host: "bücher.example" })).toBeUndefined();
    expect(winner(idn, "http://x/", { host: "\u{212A}.example" }), "Kelvin sign").toBeUndefined();
    expect(winner(idn, "http://x/", { host: "\u{212A}.EXAMPLE" }), "Kelvin sign").toBeUndefined();
  });

  it("that no route has is not found", () => {
    expect(winner(hosts({ only: ["a.test"] }), "http://b.test/")).toBeUndefined();
    expect(winner(compile([]), "http://b.test/")).toBeUndefined();
  });

  it("without a matching rule leaves the request to less specific hostnames", () => {
    const falling = compile([
      part(
        "east",
        route("exact", { hostnames: ["a.test"], rules: [{ matches: [prefix("/exact")] }] }),
        route("wild", { hostnames: ["*.test"], rules: [{ matches: [prefix("/wild")] }] }),
        route("any", { rules: [{ matches: [prefix("/")] }] }),
      ),
    ]);
    expect(winner(falling, "http://a.test/exact")).toBe("exact#0");
    expect(winner(falling, "http://a.test/wild")).toBe("wild#0");
    expect(winner(falling, "http://a.test/other")).toBe("any#0");
  });

  it("and path of any length cost linear time", () => {
    const long = "a.".repeat(200_000);
    const began = performance.now();
    expect(winner(table, `http://x/${"a/".repeat(200_000)}`, { host: `${long}example.com` })).toBe("wild#0");
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("a scheme", () => {
  const table = compile([
    part(
      "east",
      route("plain", { schemes: [Scheme.HTTP], rules: [{ matches: [prefix("/")] }] }),
      route("secure", { schemes: [Scheme.HTTPS], rules: [{ matches: [prefix("/s")] }] }),
      route("both", { schemes: [Scheme.HTTP, Scheme.HTTPS], rules: [{ matches: [prefix("/b")] }] }),
      route("every", { rules: [{ matches: [prefix("/e")] }] }),
    ),
  ]);

  it.each([
    ["http://x/s", "plain#0"],
    ["https://x/s", "secure#0"],
    ["https://x/", undefined],
    ["http://x/b", "both#0"],
    ["https://x/b", "both#0"],
    ["http://x/e", "every#0"],
    ["https://x/e", "every#0"],
  ])("of %s leads to %s", (url, name) => {
    expect(winner(table, url)).toBe(name);
  });

  it("that a host's routes do not serve leaves the request to less specific hostnames", () => {
    const falling = compile([
      part(
        "east",
        route("exact", { hostnames: ["a.test"], schemes: [Scheme.HTTPS], rules: [{}] }),
        route("wild", { hostnames: ["*.test"], rules: [{}] }),
      ),
    ]);
    expect(winner(falling, "https://a.test/")).toBe("exact#0");
    expect(winner(falling, "http://a.test/")).toBe("wild#0");
  });
});

describe("a path", () => {
  it("prefix stands for whole segments", () => {
    const table = tableOf({ get: prefix("/get") });
    for (const path of ["/get", "/get/", "/get/it", "/get//"])
      expect(winner(table, `http://x${path}`), path).toBe("get#0");
    for (const path of ["/getaway", "/ge", "/", "/GET", "//get", "/a/get"]) {
      expect(winner(table, `http://x${path}`), path).toBeUndefined();
    }
  });

  it("prefix is the same with slashes at its end", () => {
    const table = tableOf({ get: prefix("/get//") });
    expect(winner(table, "http://x/get")).toBe("get#0");
    expect(winner(table, "http://x/get/it")).toBe("get#0");
    expect(winner(tableOf({ all: prefix("//") }), "http://x/anything")).toBe("all#0");
  });

  it("that is exact stands for itself alone", () => {
    const table = tableOf({ one: exact("/a/b") });
    expect(winner(table, "http://x/a/b")).toBe("one#0");
    expect(winner(table, "http://x/a/b?q=1")).toBe("one#0");
    for (const path of ["/a/b/", "/a", "/a/b/c", "/A/b"])
      expect(winner(table, `http://x${path}`), path).toBeUndefined();
  });

  it("goes to exact before the longest prefix before shorter ones", () => {
    const table = tableOf({
      all: {},
      a: prefix("/a"),
      ab: prefix("/a/b"),
      abc: exact("/a/b/c"),
      long: prefix("/a/b/c"),
    });
    expect(winner(table, "http://x/a/b/c")).toBe("abc#0");
    expect(winner(table, "http://x/a/b/c/d")).toBe("long#0");
    expect(winner(table, "http://x/a/b/d")).toBe("ab#0");
    expect(winner(table, "http://x/a/d")).toBe("a#0");
    expect(winner(table, "http://x/d")).toBe("all#0");
  });

  it("falls back to a shorter prefix where a longer one's conditions do not hold", () => {
    const table = tableOf({ a: prefix("/a"), ab: { ...prefix("/a/b"), headers: [{ name: "env", exact: "1" }] } });
    expect(winner(table, "http://x/a/b", { headers: { env: "1" } })).toBe("ab#0");
    expect(winner(table, "http://x/a/b", { headers: { env: "2" } })).toBe("a#0");
  });

  it("may have as many segments as fit", () => {
    const deepest = `/${"/".repeat(125)}a`;
    const table = tableOf({ deep: prefix(deepest), all: {} });
    expect(winner(table, `http://x${deepest}/b`)).toBe("deep#0");
    expect(winner(table, `http://x${deepest.slice(1)}`)).toBe("all#0");
  });

  it("that does not begin with a slash belongs to no route", () => {
    const table = tableOf({ all: {} });
    for (const path of ["*", "", "a/b"]) expect(match(table, { ...request("http://x/"), path }), path).toBeUndefined();
  });
});

describe("a gRPC method match", () => {
  const table = tableOf({
    method: grpc("shop.Cart", "Add"),
    service: grpc("shop.Cart"),
    anywhere: grpc("", "Add"),
    all: prefix("/"),
    longer: { ...prefix("/shop.Cart/Add"), headers: [{ name: "env", exact: "1" }] },
    shorter: prefix("/shop.Cart"),
  });

  it.each([
    ["/shop.Cart/Add", "method#0"],
    ["/shop.Cart/Drop", "service#0"],
    ["/shop.Stock/Add", "anywhere#0"],
    ["/shop.Stock/Drop", "all#0"],
    ["/shop.Cart/Add/extra", "shorter#0"],
    ["/shop.Cart/Drop/", "shorter#0"],
    ["/shop.Cart/", "shorter#0"],
    ["/shop.Cart", "shorter#0"],
    ["/shop.Stock/Add/", "all#0"],
    ["//Add", "all#0"],
    ["/Add", "all#0"],
  ])("on %s gives %s", (path, name) => {
    expect(winner(table, `http://x${path}`, { method: "POST" })).toBe(name);
  });

  it("serves Connect's GET requests too", () => {
    expect(winner(table, "http://x/shop.Cart/Add?encoding=json", { method: "GET" })).toBe("method#0");
  });
});

describe("conditions", () => {
  it("must all hold, and values are compared exactly", () => {
    const table = tableOf({
      all: {
        ...prefix("/"),
        httpMethod: "PUT",
        headers: [
          { name: "env", exact: "1" },
          { name: "tier", exact: "gold" },
        ],
        queryParams: [{ name: "v", exact: "2" }],
      },
    });
    const headers = { env: "1", tier: "gold" };
    expect(winner(table, "http://x/?v=2", { method: "PUT", headers })).toBe("all#0");
    expect(winner(table, "http://x/?v=2", { method: "POST", headers })).toBeUndefined();
    expect(winner(table, "http://x/?v=3", { method: "PUT", headers })).toBeUndefined();
    expect(winner(table, "http://x/?v=2", { method: "PUT", headers: { env: "1" } })).toBeUndefined();
    expect(winner(table, "http://x/?v=2", { method: "PUT", headers: { env: "1", tier: "Gold" } })).toBeUndefined();
  });

  it("of a query hold for the decoded value, and the first of several counts", () => {
    const table = tableOf({ q: { queryParams: [{ name: "a b", exact: "ü&=" }] } });
    expect(winner(table, "http://x/?a%20b=%c3%BC%26%3D")).toBe("q#0");
    expect(winner(table, "http://x/?x&&=1&a%20b=ü%26=&a%20b=other")).toBe("q#0");
    expect(winner(table, "http://x/?a%20b=other&a%20b=ü%26%3D")).toBeUndefined();
    expect(winner(table, "http://x/?a+b=ü%26%3D")).toBeUndefined();
  });

  it("of a query hold for what no percent-decoding can read as it stands", () => {
    const table = tableOf({ q: { queryParams: [{ name: "q", exact: "100%" }] } });
    expect(winner(table, "http://x/?q=100%")).toBe("q#0");
    expect(winner(table, "http://x/?q=%ff%zz%")).toBeUndefined();
  });

  it("on the same name count once, the first", () => {
    const headers = [
      { name: "env", exact: "1" },
      { name: "env", exact: "2" },
    ];
    const table = tableOf({ h: { headers } });
    expect(winner(table, "http://x/", { headers: { env: "1" } })).toBe("h#0");
    expect(winner(table, "http://x/", { headers: { env: "2" } })).toBeUndefined();
  });

  it("may hold for an empty value, but not for a missing one", () => {
    const table = tableOf({ h: { headers: [{ name: "env", exact: "" }] } });
    expect(winner(table, "http://x/", { headers: { env: "" } })).toBe("h#0");
    expect(winner(table, "http://x/")).toBeUndefined();
  });

  it("that no candidate has are not looked at", () => {
    const table = tableOf({ a: prefix("/a"), b: { ...prefix("/b"), headers: [{ name: "env", exact: "1" }] } });
    const asked: string[] = [];
    const facts = {
      ...request("http://x/a"),
      get query(): string {
        throw new Error("query read");
      },
      header: (name: string) => {
        asked.push(name);
        return "1";
      },
    };
    expect(match(table, facts)?.rule.source.name).toBe("a");
    expect(asked).toEqual([]);
    expect(match(table, Object.assign(Object.create(facts), { path: "/b" }))?.rule.source.name).toBe("b");
    expect(asked).toEqual(["env"]);
  });
});
