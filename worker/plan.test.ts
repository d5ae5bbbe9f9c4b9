import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClusterTableSchema, OriginProtocol, type RuleSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../routes/compile.ts";
import { decode } from "../routes/decode.ts";
import type { RouteTable } from "../routes/model.ts";
import { Fields } from "./call/fields.ts";
import type { HttpResponse, RequestHead } from "./call/http.ts";
import { normalised, type Plan, plan } from "./plan.ts";
import { TestSink } from "./protocol/testing.ts";

type RuleInit = MessageInitShape<typeof RuleSchema>;
type FilterInit = NonNullable<RuleInit["filters"]>[number];

const options = { random: () => 0, now: () => 0 };
const source = { kind: "HTTPRoute", namespace: "default", name: "r" };

function tableOf(rule: RuleInit, init: { readonly grpcOnly?: boolean } = {}): RouteTable {
  return tableOfRules([rule], init);
}

function tableOfRules(rules: RuleInit[], init: { readonly grpcOnly?: boolean } = {}): RouteTable {
  const endpoints = [{ host: "10.0.0.1", port: 80 }];
  const { part, issues } = decode(
    create(ClusterTableSchema, {
      cluster: "east",
      backends: [{ key: "b", source, protocol: OriginProtocol.HTTP2, endpoints }],
      routes: [{ key: "r", source, rules, ...init }],
    }),
  );
  if (issues !== undefined) throw new Error(JSON.stringify(issues));
  return compile([part]);
}

const toBackend = (...filters: FilterInit[]): RuleInit["backends"] => [
  { target: { case: "backend", value: "b" }, weight: 1, filters },
];

function head(path: string, fields: Record<string, string> = {}, method = "GET"): RequestHead {
  return { method, scheme: "http", authority: "x.test", path, fields: Fields.from(Object.entries(fields)) };
}

const grpc = { "content-type": "application/grpc", te: "trailers" };
const connect = { "content-type": "application/json", "connect-protocol-version": "1" };

function planned(request: RequestHead, table: RouteTable): Plan {
  const made = plan(request, table, options);
  if (made.plan === undefined) throw new Error(`answered with ${made.answer.head.status}`);
  return made.plan;
}

function answered(request: RequestHead, table: RouteTable): HttpResponse {
  const made = plan(request, table, options);
  if (made.plan !== undefined) throw new Error("planned");
  return made.answer;
}

const textOf = ({ body }: HttpResponse) => new TextDecoder().decode(new TestSink(body).bytes);

const set = (name: string, value: string) => ({ set: [{ name, value }] });

describe("a rule that answers itself", () => {
  const closed: FilterInit = {
    filter: { case: "directResponse", value: { status: 503, body: "closed for the night" } },
  };
  const secure: FilterInit = { filter: { case: "redirect", value: { scheme: "https", status: 301 } } };
  const marked: FilterInit = { filter: { case: "responseHeaders", value: set("x-by", "edge") } };

  it("gives plain HTTP status, type, body and the rule's response headers", () => {
    const answer = answered(head("/a"), tableOf({ filters: [closed, marked] }));
    expect(answer.head.status).toBe(503);
    expect(Object.fromEntries(answer.head.fields)).toEqual({
      "content-type": "text/plain; charset=utf-8",
      "content-length": "20",
      "x-by": "edge",
    });
    expect(textOf(answer)).toBe("closed for the night");
  });

  it("tells a gRPC caller the status' code, with the body as the message", () => {
    const { fields, status } = answered(head("/s/m", grpc, "POST"), tableOf({ filters: [closed] })).head;
    expect([status, fields.get("grpc-status"), fields.get("grpc-message")]).toEqual([
      200,
      "14",
      "closed for the night",
    ]);
  });

  it("tells a Connect caller in Connect's JSON, under the same HTTP status", () => {
    const answer = answered(head("/s/m", connect, "POST"), tableOf({ filters: [closed] }));
    expect(answer.head.status).toBe(503);
    expect(JSON.parse(textOf(answer))).toEqual({ code: "unavailable", message: "closed for the night" });
  });

  it("redirects plain HTTP, and tells a gRPC caller where to", () => {
    const table = tableOf({ filters: [secure] });
    const answer = answered(head("/a?b=c"), table);
    expect([answer.head.status, answer.head.fields.get("location")]).toEqual([301, "https://x.test/a?b=c"]);
    const { fields } = answered(head("/s/m", grpc, "POST"), table).head;
    expect([fields.get("grpc-status"), fields.get("grpc-message")]).toEqual(["2", "redirected to https://x.test/s/m"]);
  });

  it("does not redirect a Connect caller without saying where to: it fails", () => {
    const answer = answered(head("/s/m", connect, "POST"), tableOf({ filters: [secure] }));
    expect(answer.head.status).toBe(500);
    expect(JSON.parse(textOf(answer))).toEqual({ code: "unknown", message: "redirected to https://x.test/s/m" });
  });

  it("sends nothing in answer to HEAD, nor under a status that has no content", () => {
    const empty: FilterInit = { filter: { case: "directResponse", value: { status: 204 } } };
    expect(textOf(answered(head("/a", {}, "HEAD"), tableOf({ filters: [closed] })))).toBe("");
    const answer = answered(head("/a"), tableOf({ filters: [empty] }));
    expect([answer.head.status, [...answer.head.fields]]).toEqual([204, []]);
  });

  it("fails where the redirect's path gets too long", () => {
    const modifier = { case: "regex", value: { pattern: "a", substitution: "b".repeat(1000) } } as const;
    const filters: FilterInit[] = [{ filter: { case: "redirect", value: { status: 302, path: { modifier } } } }];
    expect(answered(head(`/${"a".repeat(100)}`), tableOf({ filters })).head.status).toBe(500);
  });
});

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

describe("a backend's filters", () => {
  it("apply after the rule's", () => {
    const requestHeaders = (value: string): FilterInit => ({
      filter: { case: "requestHeaders", value: set("x-from", value) },
    });
    const responseHeaders: FilterInit = { filter: { case: "responseHeaders", value: set("x-by", "backend") } };
    const rule = { filters: [requestHeaders("rule")], backends: toBackend(requestHeaders("backend"), responseHeaders) };
    const made = planned(head("/a"), tableOf(rule));
    expect(made.head.fields.joined("x-from")).toBe("backend");
    expect(made.responseHeaders).toMatchObject([{ set: [["x-by", "backend"]] }]);
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

describe("a route for gRPC only", () => {
  const table = tableOf({ backends: toBackend() }, { grpcOnly: true });

  it.each([
    ["gRPC", grpc],
    ["gRPC-Web", { "content-type": "application/grpc-web" }],
    ["Connect", connect],
    ["what may be Connect", { "content-type": "application/json" }],
  ])("takes %s", (_, fields) => {
    expect(planned(head("/s/m", fields, "POST"), table).backend).toBe("east/b");
  });

  it("takes no other HTTP", () => {
    expect(answered(head("/s/m"), table).head.status).toBe(404);
    expect(answered(head("/s/m", { "content-type": "text/plain" }, "POST"), table).head.status).toBe(415);
  });
});

describe("a path that is spelled otherwise", () => {
  const jwt: FilterInit = {
    filter: { case: "jwt", value: { issuer: "i", keys: { case: "jwksUri", value: "https://i.test/keys" } } },
  };
  const rules: RuleInit[] = [
    { matches: [{ path: { case: "pathPrefix", value: "/admin/caf%c3%a9" } }], filters: [jwt], backends: toBackend() },
    { matches: [{ path: { case: "exactPath", value: "/s/m" } }], filters: [jwt], backends: toBackend() },
    { backends: toBackend() },
  ];
  const table = tableOfRules(rules);

  it.each([
    "/admin/caf%C3%A9/x?q=%61/..",
    "/%61dmin/caf%c3%a9/x?q=%61/..",
    "/x/../admin/caf%C3%A9/./x?q=%61/..",
    "/../x/%2E%2e/admin\\caf%C3%A9/x?q=%61/..",
  ])("meets the gate of %s, and reaches the origin as the gate has seen it", (path) => {
    const made = plan(head(path), table, options);
    expect(made.gated?.gates).toHaveLength(1);
    expect(made.plan?.head.path).toBe("/admin/caf%C3%A9/x?q=%61/..");
  });

  it.each([
    ["gRPC", grpc],
    ["Connect", connect],
  ])("is that of a call, too: %s", (_, fields) => {
    const made = plan(head("/s/%6d", fields, "POST"), table, options);
    expect(made.gated?.gates).toHaveLength(1);
    expect(made.plan?.head.path).toBe("/s/m");
  });

  it("leaves a plain head what it is", () => {
    const plain = head("/a.b/.c/..d?q=%61");
    expect(planned(plain, table).head.path).toBe(plain.path);
    const call = head("/s.T/m", grpc, "POST");
    expect(normalised(call)).toBe(call);
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

describe("a condition on cookies", () => {
  it("sees them as one header, however they came", () => {
    const regex = "(?:.*;)?\\s*canary=always\\s*(?:;.*)?";
    const matches = [{ conditions: [{ subject: { case: "header", value: "cookie" }, regex } as const] }];
    const table = tableOf({ matches, backends: toBackend() });
    const fields = new Fields(["cookie", "a=b", "cookie", "canary=always", "cookie", "c=d"]);
    expect(planned({ ...head("/"), fields }, table).backend).toBe("east/b");
    expect(answered(head("/", { cookie: "canary=alwaysnot" }), table).head.status).toBe(404);
  });
});
