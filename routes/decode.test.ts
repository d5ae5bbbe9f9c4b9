import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClusterTableSchema, OriginProtocol, Scheme } from "../proto/gen/edgeway/v1/table_pb.js";
import { decode, type Issue } from "./decode.ts";
import {
  backend,
  exact,
  grpc,
  part,
  prefix,
  route,
  to,
  type BackendInit,
  type RouteInit,
  type RuleInit,
} from "./table.fixture.ts";

/** An enum number that a newer agent may send. */
const unknown = JSON.parse("9");

function issuesOf(init: MessageInitShape<typeof ClusterTableSchema>): readonly Issue[] {
  return decode(create(ClusterTableSchema, { cluster: "east", ...init })).issues ?? [];
}

function fieldsOf(init: MessageInitShape<typeof ClusterTableSchema>): string[] {
  return issuesOf(init).map((issue) => issue.field);
}

/** The fields that are wrong in the only route of a table that has "default/a:1". */
function wrongRoute(init: RouteInit): string[] {
  return fieldsOf({ routes: [route("r", init)], backends: [backend("default/a:1")] });
}

function wrongRule(rule: RuleInit): string[] {
  return wrongRoute({ rules: [rule] });
}

function wrongMatch(match: NonNullable<RuleInit["matches"]>[number]): string[] {
  return wrongRule({ matches: [{}, match] });
}

function wrongBackend(init: BackendInit): string[] {
  return fieldsOf({ backends: [backend("default/a:1", init)] });
}

describe("an issue", () => {
  it("names the object, the field and the reason", () => {
    const routes = [route("ok", {}), route("bad", { rules: [{ matches: [{}, prefix("relative")] }] })];
    expect(issuesOf({ routes })).toEqual([
      {
        source: { kind: "HTTPRoute", namespace: "default", name: "bad" },
        field: "rules[0].matches[1].path",
        reason: expect.stringContaining('must be a path of at most 1024 visible ASCII characters from "/" on'),
      },
    ]);
  });

  it("says where in the table it is if there is no object to name", () => {
    expect(fieldsOf({ routes: [{ key: "r" }] })).toEqual(["routes[0].source"]);
    expect(fieldsOf({ cluster: "East" })).toEqual(["cluster"]);
    expect(fieldsOf({ routes: [route("r", { source: { kind: "K", namespace: "n", name: "a\nb" } })] })).toEqual([
      "routes[0].source",
    ]);
  });

  it("does not come more than a hundred times", () => {
    const routes = Array.from({ length: 1000 }, (_, index) => route(`r${index}`, { hostnames: ["-"] }));
    expect(issuesOf({ routes })).toHaveLength(100);
  });
});

describe("a table", () => {
  it("has each key once", () => {
    expect(fieldsOf({ routes: [route("r", {}), route("r", {})] })).toEqual(["routes[1].key"]);
    expect(fieldsOf({ backends: [backend("b"), backend("b")] })).toEqual(["backends[1].key"]);
  });

  it("is bounded in routes, in backends and in what the index is made of", () => {
    const routes = Array.from({ length: 100_001 }, () => ({}));
    expect(fieldsOf({ routes })).toEqual(["routes"]);
    expect(fieldsOf({ backends: routes })).toEqual(["backends"]);
    const hostnames = Array.from({ length: 1000 }, (_, index) => `h${index}.test`);
    const matches = Array.from({ length: 251 }, () => ({}));
    expect(fieldsOf({ routes: [route("r", { hostnames, rules: [{ matches }] })] })).toEqual(["routes"]);
    const deep = prefix("/a".repeat(100));
    const manyDeep = [deep, deep, deep, deep, deep, deep];
    expect(fieldsOf({ routes: [route("r", { hostnames, rules: [{ matches: manyDeep }] })] })).toEqual(["routes"]);
    expect(fieldsOf({ routes: [route("r", { rules: [{ matches: [deep] }] })] })).toEqual([]);
  });

  it("is bounded in the sets of names that a request is held against", () => {
    const matches = Array.from({ length: 300 }, (_, index) => ({ headers: [{ name: `h${index}`, exact: "1" }] }));
    expect(fieldsOf({ routes: [route("r", { rules: [{ matches }] })] })).toEqual(["routes"]);
    const values = Array.from({ length: 300 }, (_, index) => ({ headers: [{ name: "h", exact: `${index}` }] }));
    expect(fieldsOf({ routes: [route("r", { rules: [{ matches: values }] })] })).toEqual([]);
  });
});

describe("a field of a newer schema", () => {
  it("is refused wherever what it says could matter", () => {
    const rule: RuleInit = {
      matches: [{ ...grpc("s"), headers: [{ name: "a", exact: "b" }] }],
      filters: [{ filter: { case: "requestHeaders", value: {} } }],
    };
    const table = create(ClusterTableSchema, { cluster: "east", routes: [route("r", { rules: [rule] })] });
    const { matches, filters } = table.routes[0]!.rules[0]!;
    const newer = [matches[0]!, matches[0]!.path.value, matches[0]!.headers[0]!, filters[0]!.filter.value];
    const data = new Uint8Array([1]);
    for (const message of newer) Object.assign(message!, { $unknown: [{ no: 99, wireType: 0, data }] });
    expect(decode(table).issues?.map((issue) => issue.field)).toEqual([
      "rules[0].matches[0]",
      "rules[0].matches[0].path",
      "rules[0].matches[0].headers[0]",
      "rules[0].filters[0].requestHeaders",
    ]);
  });
});

describe("a route", () => {
  it.each(["a.test", "*.test", "xn--bcher-kva.example", "a-1.b", `${"a".repeat(63)}.test`])(
    "takes the hostname %j",
    (name) => {
      expect(wrongRoute({ hostnames: [name] })).toEqual([]);
    },
  );

  it.each([
    "",
    "*",
    "a.*",
    "*a.test",
    "A.test",
    "a..test",
    ".test",
    "a.test.",
    "-a.test",
    "a-.test",
    "bücher.example",
    "a.test:80",
    "[::1]",
    "a_b.test",
    "a b",
    "a.test\n",
    `${"a".repeat(64)}.test`,
    `${"a.".repeat(126)}test`,
  ])("refuses the hostname %j", (name) => {
    expect(wrongRoute({ hostnames: ["ok.test", name] })).toEqual(["hostnames[1]"]);
  });

  it("refuses schemes it does not know, and weights and times that are none", () => {
    expect(wrongRoute({ schemes: [Scheme.UNSPECIFIED] })).toEqual(["schemes[0]"]);
    expect(wrongRoute({ schemes: [unknown] })).toEqual(["schemes[0]"]);
    expect(wrongRoute({ clusterWeight: 1_000_001 })).toEqual(["clusterWeight"]);
    expect(wrongRoute({ createdSeconds: -1n })).toEqual(["createdSeconds"]);
    expect(wrongRoute({ createdSeconds: 2n ** 60n })).toEqual(["createdSeconds"]);
  });

  it("is bounded in each of its lists, and a longer one is not read", () => {
    const many = Array.from({ length: 1025 }, () => ({}));
    expect(wrongRoute({ hostnames: many.map(() => "-") })).toEqual(["hostnames"]);
    expect(wrongRoute({ schemes: [unknown, unknown, unknown] })).toEqual(["schemes"]);
    expect(wrongRoute({ rules: many })).toEqual(["rules"]);
    expect(wrongRule({ matches: many })).toEqual(["rules[0].matches"]);
    expect(wrongRule({ filters: many })).toEqual(["rules[0].filters"]);
    expect(wrongRule({ backends: many })).toEqual(["rules[0].backends"]);
    expect(wrongMatch({ headers: many })).toEqual(["rules[0].matches[1].headers"]);
    expect(wrongMatch({ queryParams: many })).toEqual(["rules[0].matches[1].queryParams"]);
  });
});

describe("a match", () => {
  it.each(["", "a", "a/b", "/a?b", "/a#b", "/a b", "/ü", "/a\n", `/${"a".repeat(1024)}`])(
    "refuses the path %j",
    (path) => {
      expect(wrongMatch(exact(path))).toEqual(["rules[0].matches[1].path"]);
      expect(wrongMatch(prefix(path))).toEqual(["rules[0].matches[1].path"]);
    },
  );

  it("has a prefix of at most 128 segments", () => {
    expect(wrongMatch(prefix("/a".repeat(128)))).toEqual([]);
    expect(wrongMatch(prefix("/a".repeat(129)))).toEqual(["rules[0].matches[1].path"]);
    expect(wrongMatch(exact("/a".repeat(129)))).toEqual([]);
  });

  it("takes every path that can be sent", () => {
    for (const path of ["/", "//", "/a/", "/a%20b;c=1@:!$&'()*+,-._~", "/a/../b"])
      expect(wrongMatch(exact(path)), path).toEqual([]);
  });

  it("of a gRPC method has a service or a method, neither with a slash", () => {
    expect(wrongMatch(grpc(""))).toEqual(["rules[0].matches[1].path"]);
    expect(wrongMatch(grpc("a/b", "c?d"))).toEqual([
      "rules[0].matches[1].path.service",
      "rules[0].matches[1].path.method",
    ]);
    expect(wrongMatch(grpc("a.b.C", "D"))).toEqual([]);
  });

  it("has names and values that a request can have", () => {
    expect(wrongMatch({ httpMethod: "get" })).toEqual(["rules[0].matches[1].httpMethod"]);
    expect(wrongMatch({ headers: [{ name: "Env", exact: "1" }] })).toEqual(["rules[0].matches[1].headers[0].name"]);
    expect(wrongMatch({ headers: [{ name: ":path", exact: "1" }] })).toEqual(["rules[0].matches[1].headers[0].name"]);
    for (const value of ["a\r\nb", "a\0", " a", "a ", "ü", "a".repeat(4097)]) {
      expect(wrongMatch({ headers: [{ name: "env", exact: value }] }), value).toEqual([
        "rules[0].matches[1].headers[0].exact",
      ]);
    }
    expect(
      wrongMatch({
        headers: [
          { name: "env", exact: 'a "b"\tc' },
          { name: "e", exact: "" },
        ],
      }),
    ).toEqual([]);
    expect(wrongMatch({ queryParams: [{ name: "", exact: "a".repeat(1025) }] })).toEqual([
      "rules[0].matches[1].queryParams[0].name",
      "rules[0].matches[1].queryParams[0].exact",
    ]);
  });
});

describe("a filter", () => {
  const header = { name: "X", value: "a\n" };

  it("has names and values that a header can have", () => {
    const modifier = { set: [header], add: [header], remove: ["X"] };
    expect(wrongRule({ filters: [{ filter: { case: "responseHeaders", value: modifier } }] })).toEqual([
      "rules[0].filters[0].responseHeaders.set[0].name",
      "rules[0].filters[0].responseHeaders.set[0].value",
      "rules[0].filters[0].responseHeaders.add[0].name",
      "rules[0].filters[0].responseHeaders.add[0].value",
      "rules[0].filters[0].responseHeaders.remove[0]",
    ]);
  });

  it("cannot set what frames a message, and cannot be of an unknown kind", () => {
    const set = [{ name: "content-length", value: "1" }];
    expect(wrongRule({ filters: [{ filter: { case: "requestHeaders", value: { set } } }] })).toEqual([
      "rules[0].filters[0].requestHeaders.set[0].name",
    ]);
    expect(wrongRule({ filters: [{}] })).toEqual(["rules[0].filters[0]"]);
  });

  it("sets a name once, to the first value", () => {
    const set = ["1", "2"].map((value) => ({ name: "x", value }));
    const rules = [{ filters: [{ filter: { case: "requestHeaders", value: { set, add: set } } }] } satisfies RuleInit];
    expect(part("east", route("r", { rules })).routes[0]!.rules[0]!.filters).toEqual([
      {
        kind: "requestHeaders",
        set: [["x", "1"]],
        add: [
          ["x", "1"],
          ["x", "2"],
        ],
        remove: [],
      },
    ]);
  });
});

describe("a rule's backend", () => {
  it("must be one of the table's or say why it is not", () => {
    expect(wrongRule({ backends: to({ b: 1 }) })).toEqual(["rules[0].backends[0].backend"]);
    expect(wrongRule({ backends: [{ weight: 1 }] })).toEqual(["rules[0].backends[0].backend"]);
    expect(wrongRule({ backends: [{ target: { case: "invalid", value: "" } }] })).toEqual([
      "rules[0].backends[0].invalid",
    ]);
    expect(wrongRule({ backends: [{ target: { case: "invalid", value: "a\nb" } }] })).toEqual([
      "rules[0].backends[0].invalid",
    ]);
  });

  it("has a weight of at most a million", () => {
    expect(wrongRule({ backends: to({ a: 1_000_001 }) })).toEqual(["rules[0].backends[0].weight"]);
    expect(wrongRule({ backends: to({ a: 1_000_000 }) })).toEqual([]);
  });
});

describe("a backend", () => {
  it("has a key, a protocol and endpoints that can be dialled", () => {
    expect(wrongBackend({ key: "a b" })).toEqual(["key"]);
    expect(wrongBackend({ protocol: OriginProtocol.UNSPECIFIED })).toEqual(["protocol"]);
    expect(wrongBackend({ protocol: unknown })).toEqual(["protocol"]);
    for (const host of ["", "a b", "[::1]", "a:80", "::1::", "A.test", "1.2.3.4:80"]) {
      expect(wrongBackend({ endpoints: [{ host, port: 80 }] }), host).toEqual(["endpoints[0].host"]);
    }
    for (const port of [0, 65_536])
      expect(wrongBackend({ endpoints: [{ host: "a", port }] })).toEqual(["endpoints[0].port"]);
    expect(wrongBackend({ endpoints: Array.from({ length: 1025 }, () => ({})) })).toEqual(["endpoints"]);
  });
});

describe("descriptor sets", () => {
  const hash = "0123456789abcdef".repeat(4);
  const fileDescriptorSet = new Uint8Array(1);

  it("are named by backends of the same table", () => {
    const backends = [backend("default/a:1", { descriptors: hash }), backend("default/b:1")];
    const decoded = decode(create(ClusterTableSchema, { cluster: "east", backends, descriptorSets: [{ hash }] }));
    expect(decoded.part?.backends.map(({ descriptors }) => descriptors)).toEqual([hash, undefined]);
    expect(fieldsOf({ backends: [backend("default/a:1", { descriptors: hash })] })).toEqual(["descriptors"]);
  });

  it("have a hash of their own", () => {
    expect(fieldsOf({ descriptorSets: [{ hash, fileDescriptorSet }] })).toEqual([]);
    expect(fieldsOf({ descriptorSets: [{ hash }, { hash }] })).toEqual(["descriptorSets[1].hash"]);
    for (const wrong of ["", hash.slice(1), hash.toUpperCase(), `${hash}0`])
      expect(fieldsOf({ descriptorSets: [{ hash: wrong }] })).toEqual(["descriptorSets[0].hash"]);
  });

  it("have a bounded size and number", () => {
    const large = new Uint8Array(1_900_001);
    expect(fieldsOf({ descriptorSets: [{ hash, fileDescriptorSet: large.subarray(1) }] })).toEqual([]);
    expect(fieldsOf({ descriptorSets: [{ hash, fileDescriptorSet: large }] })).toEqual([
      "descriptorSets[0].fileDescriptorSet",
    ]);
    expect(fieldsOf({ descriptorSets: Array.from({ length: 257 }, () => ({})) })).toEqual(["descriptorSets"]);
  });
});
