import { describe, expect, it } from "vitest";
import { Fields } from "./call/fields.ts";
import type { HttpResponse } from "./call/http.ts";
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
  tableOfRules,
  toBackend,
} from "./plan.fixture.ts";
import { normalised, plan } from "./plan.ts";
import { TestSink } from "./protocol/testing.ts";

const textOf = ({ body }: HttpResponse) => new TextDecoder().decode(new TestSink(body).bytes);

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
