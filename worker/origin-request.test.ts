import { describe, expect, it } from "vitest";
import type { RequestHead } from "./call/http.ts";
import {
  answered,
  connect,
  type FilterInit,
  grpc,
  head,
  options,
  planned,
  type RuleInit,
  set,
  tableOf,
  toBackend,
} from "./plan.fixture.ts";
import { plan } from "./plan.ts";

describe("a rule that rewrites", () => {
  const matches: RuleInit["matches"] = [{ path: { case: "pathPrefix", value: "/old" } }];
  const path = { modifier: { case: "prefix", value: "/new" } } as const;
  const rewrite: FilterInit = { filter: { case: "urlRewrite", value: { authority: "y.test", path } } };

  it("sends plain HTTP to another authority and path", () => {
    const table = tableOf({ matches, filters: [rewrite], backends: toBackend() });
    expect(planned(head("/old/a?b=c"), table).head).toMatchObject({ authority: "y.test", path: "/new/a?b=c" });
  });

  it("sends a call to another service", () => {
    const table = tableOf({ matches, filters: [rewrite], backends: toBackend() });
    for (const fields of [grpc, connect])
      expect(planned(head("/old/m", fields, "POST"), table).head).toMatchObject({
        authority: "y.test",
        path: "/new/m",
      });
  });

  it("leaves the path of what it does not rewrite", () => {
    const table = tableOf({ matches, backends: toBackend() });
    expect(planned(head("/old/a?b=c"), table).head).toMatchObject({ authority: "x.test", path: "/old/a?b=c" });
  });
});

describe("a rule that sets request headers", () => {
  it("writes none that a call's protocol has", () => {
    const filters = ["content-type", "grpc-timeout", "grpc-encoding", "x-own"].map((name): FilterInit => ({
      filter: { case: "requestHeaders", value: set(name, "1") },
    }));
    const call = head("/s/m", { ...grpc, "grpc-timeout": "1S" }, "POST");
    expect(planned(call, tableOf({ filters, backends: toBackend() })).head.fields.flat).toEqual([
      "te",
      "trailers",
      "content-type",
      "application/grpc",
      "grpc-timeout",
      "1000m",
      "x-own",
      "1",
    ]);
  });
});

describe("what says whom a request is from", () => {
  const forged = {
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "admin.test",
    "x-forwarded-client-cert": "Subject=CN=admin",
    "x-real-ip": "127.0.0.1",
    forwarded: "for=127.0.0.1",
  };
  const table = tableOf({ backends: toBackend() });
  const sent = (request: RequestHead, address = "192.0.2.7") => {
    const made = plan(request, table, options, address).plan!;
    return Object.fromEntries(made.head.fields);
  };
  const told = { "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "http", "x-forwarded-host": "x.test" };

  it("is the edge's own word to origins of plain HTTP", () => {
    expect(sent(head("/", { ...forged, a: "b" }))).toEqual({ a: "b", ...told });
    expect(sent(head("/", { a: "b" }), "::ffff:192.0.2.7")).toEqual({ a: "b", ...told });
    expect(sent(head("/"), "2001:db8::7")).toEqual({ ...told, "x-forwarded-for": "2001:db8::7" });
    expect(sent(head("/", forged), "")).toEqual({ "x-forwarded-proto": "http", "x-forwarded-host": "x.test" });
  });

  it("is nobody's in a call", () => {
    for (const fields of [grpc, { "content-type": "application/grpc-web" }, connect])
      expect(sent(head("/s/m", { ...fields, ...forged, a: "b" }, "POST"))).toEqual({
        "content-type": expect.stringMatching("application/grpc"),
        te: "trailers",
        a: "b",
      });
  });

  it("leaves the head of a call what it is", () => {
    const call = head("/s/m", { ...grpc, a: "b" }, "POST");
    expect(planned(call, table).head).toBe(planned(call, table).head);
  });

  it("makes no head that is too large for an origin", () => {
    const long = { ...head("/"), authority: `${"x".repeat(40_000)}.test` };
    expect(answered(long, table).head.status).toBe(431);
  });

  it("may be a rule's", () => {
    const rule: FilterInit = { filter: { case: "requestHeaders", value: set("x-forwarded-proto", "https") } };
    const own = tableOf({ filters: [rule], backends: toBackend() });
    for (const request of [head("/"), head("/s/m", grpc, "POST")])
      expect(planned(request, own).head.fields.joined("x-forwarded-proto")).toBe("https");
  });
});
