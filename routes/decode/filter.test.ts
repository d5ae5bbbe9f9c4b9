import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  ClusterTableSchema,
  type DirectResponseSchema,
  type FilterSchema,
  type RedirectSchema,
  type UrlRewriteSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { decode } from "../decode.ts";
import type { Filter } from "../model.ts";
import { backend, part, route } from "../table.fixture.ts";

type FilterInit = MessageInitShape<typeof FilterSchema>;

const rewrite = (value: MessageInitShape<typeof UrlRewriteSchema>): FilterInit => ({
  filter: { case: "urlRewrite", value },
});
const redirect = (value: MessageInitShape<typeof RedirectSchema>): FilterInit => ({
  filter: { case: "redirect", value: { status: 302, ...value } },
});
const respond = (value: MessageInitShape<typeof DirectResponseSchema>): FilterInit => ({
  filter: { case: "directResponse", value: { status: 200, ...value } },
});

function decoded(filter: FilterInit): Filter | undefined {
  return part("east", route("r", { rules: [{ filters: [filter] }] })).routes[0]!.rules[0]!.filters[0];
}

/** The fields that are wrong, below the filter. */
function wrong(filter: FilterInit): string[] {
  const table = create(ClusterTableSchema, {
    cluster: "east",
    routes: [route("r", { rules: [{ filters: [filter] }] })],
  });
  return (decode(table).issues ?? []).map(({ field }) => field.replace("rules[0].filters[0].", ""));
}

describe("a rewrite", () => {
  it("has an authority and a path, or neither", () => {
    expect(decoded(rewrite({}))).toEqual({ kind: "urlRewrite", authority: undefined, path: undefined });
    const path = { modifier: { case: "full", value: "/a" } } as const;
    expect(decoded(rewrite({ authority: "a.test:8080", path }))).toEqual({
      kind: "urlRewrite",
      authority: "a.test:8080",
      path: { kind: "full", path: "/a" },
    });
  });

  it.each(["a.test", "a.test:1", "10.0.0.1:65535", "[fd00::1]:80", "[fd00::1]"])(
    "takes the authority %s",
    (authority) => expect(wrong(rewrite({ authority }))).toEqual([]),
  );

  it.each(["a.test:0", "a.test:65536", "a.test:", "u@a.test", "a/b", "fd00::1", "[a.test]", "a\r\nb", "A.test"])(
    "refuses the authority %j",
    (authority) => expect(wrong(rewrite({ authority }))).toEqual(["urlRewrite.authority"]),
  );

  it.each([
    ["", ""],
    ["/", ""],
    ["/a", "/a"],
    ["/a/", "/a"],
  ])("by the prefix %j puts %j in the place of the match's", (value, path) => {
    expect(decoded(rewrite({ path: { modifier: { case: "prefix", value } } }))).toMatchObject({
      path: { kind: "prefix", path },
    });
  });

  it("by an expression has texts and groups", () => {
    const value = { pattern: "^/(a+)/(b)$", substitution: String.raw`/x\2\\y\1?v=\0` };
    const filter = decoded(rewrite({ path: { modifier: { case: "regex", value } } }));
    expect(filter).toMatchObject({
      path: { kind: "regex", pattern: { text: value.pattern }, substitution: ["/x", 2, "\\", "y", 1, "?v=", 0] },
    });
  });

  it.each([
    [{ pattern: "(", substitution: "" }, ["pattern"]],
    [{ pattern: "(a)", substitution: String.raw`\2` }, ["substitution"]],
    [{ pattern: "a", substitution: String.raw`\x` }, ["substitution"]],
    [{ pattern: "a", substitution: "a\nb" }, ["substitution"]],
    [{ pattern: "a", substitution: "#" }, ["substitution"]],
  ])("refuses %j", (value, fields) => {
    expect(wrong(rewrite({ path: { modifier: { case: "regex", value } } }))).toEqual(
      fields.map((field) => `urlRewrite.path.regex.${field}`),
    );
  });

  it("has a path that can be sent", () => {
    expect(wrong(rewrite({ path: { modifier: { case: "full", value: "" } } }))).toEqual(["urlRewrite.path.full"]);
    expect(wrong(rewrite({ path: { modifier: { case: "prefix", value: "a" } } }))).toEqual(["urlRewrite.path.prefix"]);
    expect(wrong(rewrite({ path: {} }))).toEqual(["urlRewrite.path"]);
  });
});

describe("a redirect", () => {
  it("leaves open what the request decides", () => {
    expect(decoded(redirect({}))).toEqual({
      kind: "redirect",
      scheme: undefined,
      hostname: undefined,
      port: undefined,
      path: undefined,
      query: undefined,
      status: 302,
    });
    expect(decoded(redirect({ query: "" }))).toMatchObject({ query: "" });
  });

  it("refuses what makes no Location", () => {
    expect(wrong(redirect({ scheme: "ftp" }))).toEqual(["redirect.scheme"]);
    expect(wrong(redirect({ hostname: "a b" }))).toEqual(["redirect.hostname"]);
    expect(wrong(redirect({ port: 65_536 }))).toEqual(["redirect.port"]);
    expect(wrong(redirect({ query: "a\r\n" }))).toEqual(["redirect.query"]);
    for (const status of [0, 200, 304, 400]) expect(wrong(redirect({ status }))).toEqual(["redirect.status"]);
  });
});

describe("a direct response", () => {
  it("is text unless it says otherwise", () => {
    expect(decoded(respond({ status: 503, body: "closed" }))).toEqual({
      kind: "directResponse",
      status: 503,
      contentType: "text/plain; charset=utf-8",
      body: "closed",
    });
  });

  it("refuses what is no answer", () => {
    for (const status of [0, 101, 600]) expect(wrong(respond({ status }))).toEqual(["directResponse.status"]);
    expect(wrong(respond({ contentType: "a\nb" }))).toEqual(["directResponse.contentType"]);
    expect(wrong(respond({ body: "a".repeat(16_385) }))).toEqual(["directResponse.body"]);
  });
});

describe("a backend's filters", () => {
  const fieldsOf = (filter: FilterInit) => {
    const backends = [{ target: { case: "backend", value: "default/a:1" } as const, filters: [filter] }];
    const routes = [route("r", { rules: [{ backends }] })];
    const table = create(ClusterTableSchema, { cluster: "east", routes, backends: [backend("default/a:1")] });
    const { part: own, issues } = decode(table);
    return own?.routes[0]!.rules[0]!.backends[0]!.filters ?? issues?.map(({ field }) => field);
  };

  it("are kept with it", () => {
    expect(fieldsOf(rewrite({ authority: "a.test" }))).toMatchObject([{ kind: "urlRewrite", authority: "a.test" }]);
  });

  it("are none that answer", () => {
    for (const filter of [redirect({}), respond({})])
      expect(fieldsOf(filter)).toEqual(["rules[0].backends[0].filters[0]"]);
  });
});
