import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClusterTableSchema, type CorsSchema, type FilterSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../compile.ts";
import { decode } from "../decode.ts";
import { match } from "../match.ts";
import type { Filter } from "../model.ts";
import { backend, part, request, route, to } from "../table.fixture.ts";

type CorsInit = MessageInitShape<typeof CorsSchema>;
type FilterInit = MessageInitShape<typeof FilterSchema>;

const filter = (value: CorsInit): FilterInit => ({ filter: { case: "cors", value } });

const decoded = (value: CorsInit): Filter | undefined =>
  part("east", route("r", { rules: [{ filters: [filter(value)] }] })).routes[0]!.rules[0]!.filters[0];

function wrong(value: CorsInit): string[] {
  const routes = [route("r", { rules: [{ filters: [filter(value)] }] })];
  const { issues = [] } = decode(create(ClusterTableSchema, { cluster: "east", routes }));
  return issues.map(({ field }) => field.replace("rules[0].filters[0].cors.", ""));
}

describe("a CORS filter", () => {
  it("allows nobody and leaves the rest to the request, unless it says more", () => {
    expect(decoded({})).toEqual({
      kind: "cors",
      anyOrigin: false,
      origins: [],
      wildcards: [],
      credentials: false,
      allowMethods: [],
      allowHeaders: undefined,
      exposeHeaders: [],
      maxAgeSeconds: undefined,
    });
  });

  it("tells exact origins, wildcards and all of them apart", () => {
    const allowOrigins = ["https://a.test", "http://[::1]:8080", "https://*.b.test:8443", "http://*", "*"];
    expect(decoded({ allowOrigins })).toMatchObject({
      anyOrigin: true,
      origins: ["https://a.test", "http://[::1]:8080"],
      wildcards: [
        { prefix: "https://", suffix: ".b.test:8443" },
        { prefix: "http://", suffix: "" },
      ],
    });
  });

  it.each([
    "a.test",
    "ftp://a.test",
    "https://A.test",
    "https://a.test/",
    "https://a.test:443",
    "http://*.a.test:80",
    "https://a.*.test",
    "https://*a.test",
    "https://*.*.test",
    "https://a.test:0",
    "null",
    "",
  ])("refuses the origin %j", (origin) => {
    expect(new Set(wrong({ allowOrigins: [origin] }))).toEqual(new Set(["allowOrigins[0]"]));
  });

  it("leaves what it allows by a wildcard to the request", () => {
    const everything = { allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"] };
    expect(decoded(everything)).toMatchObject({ allowMethods: [], allowHeaders: [], exposeHeaders: [] });
    const some = { allowMethods: ["PUT"], allowHeaders: ["x-a"], exposeHeaders: ["x-b"], maxAgeSeconds: 0 };
    expect(decoded(some)).toMatchObject(some);
  });

  it("refuses what is no name", () => {
    expect(wrong({ allowMethods: ["get it"], allowHeaders: ["X-A"], exposeHeaders: ["a,b"] })).toEqual([
      "allowMethods[0]",
      "allowHeaders[0]",
      "exposeHeaders[0]",
    ]);
  });

  it("is the rule's, not a backend's", () => {
    const backends = [{ target: { case: "backend", value: "default/a:1" } as const, filters: [filter({})] }];
    const routes = [route("r", { rules: [{ backends }] })];
    const table = create(ClusterTableSchema, { cluster: "east", routes, backends: [backend("default/a:1")] });
    expect(decode(table).issues).toMatchObject([{ field: "rules[0].backends[0].filters[0]" }]);
  });

  it("of the first rule holds where clusters share one, and the others' stay with their own", () => {
    const own = (value: string): FilterInit => ({
      filter: { case: "requestHeaders", value: { set: [{ name: "x", value }] } },
    });
    const of = (cluster: string, createdSeconds: bigint) =>
      part(
        cluster,
        route("r", {
          createdSeconds,
          rules: [
            { filters: [filter({ allowOrigins: [`https://${cluster}.test`] }), own(cluster)], backends: to({ a: 1 }) },
          ],
        }),
      );
    const { rule } = match(compile([of("west", 2n), of("east", 1n)]), request("http://x.test/"))!;
    const [first, second] = ["east", "west"].map((cluster) => [
      { kind: "cors", origins: [`https://${cluster}.test`] },
      { kind: "requestHeaders", set: [["x", cluster]] },
    ]);
    expect(rule.filters).toMatchObject(first!);
    expect(rule.clusters?.map(({ rule: { filters } }) => filters)).toMatchObject([first, second]);
  });
});
