/** CORS through the whole gateway: what a browser gets, and what an origin sees. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { FilterSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../routes/compile.ts";
import { part, route as routeOf, type RouteInit, to } from "../routes/table.fixture.ts";
import { CallError } from "./call/error.ts";
import { Fields } from "./call/fields.ts";
import { type Answer, type HttpResponse, noBody, type RequestHead } from "./call/http.ts";
import { Code } from "./call/status.ts";
import { gatewayOf } from "./gateway.fixture.ts";
import type { Plan } from "./plan.ts";
import { planFromJson, planToJson } from "./plan-json.ts";

type FilterInit = MessageInitShape<typeof FilterSchema>;
type Ask = Partial<Omit<RequestHead, "fields">> & { readonly fields: Record<string, string> };

const page = "https://page.test";
const cors: FilterInit = { filter: { case: "cors", value: { allowOrigins: [page] } } };
const backends = to({ a: 1 });

/** What a route makes of a request, if the origin answers as `origin` does. */
function ask(route: RouteInit, { fields, ...head }: Ask, origin: (answer: Answer) => void = answering({})) {
  const sent: Plan[] = [];
  let answer: HttpResponse | undefined;
  const clock = { now: () => 0, after: () => () => {} };
  const table = compile([part("east", routeOf("r", route))]);
  const handle = gatewayOf(table, clock, (_request, own, plan) => {
    sent.push(plan);
    origin(own);
    return () => {};
  });
  const request: RequestHead = {
    method: "POST",
    scheme: "https",
    authority: "x.test",
    path: "/s/m",
    ...head,
    fields: Fields.from(Object.entries(fields)),
  };
  handle(
    { head: request, body: noBody },
    { respond: (response) => (answer = response), fail: () => expect.unreachable() },
  );
  const { status, fields: answered } = answer!.head;
  return { sent, status, fields: Object.fromEntries(answered) };
}

function answering(fields: Record<string, string>): (answer: Answer) => void {
  return (answer) =>
    answer.respond({ head: { status: 200, fields: Fields.from(Object.entries(fields)) }, body: noBody });
}

const failing = (answer: Answer) => answer.fail(new CallError(Code.UNAVAILABLE, "down", { side: "origin" }));

const preflight = (method: string, headers = "content-type"): Ask => ({
  method: "OPTIONS",
  fields: { origin: page, "access-control-request-method": method, "access-control-request-headers": headers },
});
const grpcWeb = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", origin: page };
const connect = { "content-type": "application/proto", "connect-protocol-version": "1", origin: page };

const allowed = { "access-control-allow-origin": page };

describe("a preflight", () => {
  const post = [{ httpMethod: "POST" }];

  it("is answered at the edge by the rule of the method it asks for", () => {
    const route = { rules: [{ matches: post, filters: [cors], backends }, { backends }] };
    const answer = ask(route, preflight("POST"));
    expect([answer.status, answer.sent]).toEqual([204, []]);
    expect(answer.fields).toMatchObject({ ...allowed, "access-control-allow-methods": "POST" });
    expect(ask(route, preflight("PUT")).sent).toHaveLength(1);
  });

  it("finds the routes of calls if it may be for one, and those of plain HTTP if not", () => {
    const route = { grpcOnly: true, rules: [{ filters: [cors], backends }] };
    expect(ask(route, preflight("POST")).status).toBe(204);
    expect(ask(route, preflight("POST", "authorization")).status).toBe(404);
  });

  it("is no business of the edge where the rule has no CORS", () => {
    const origin = answering({ "access-control-allow-origin": "*" });
    const answer = ask({ rules: [{ backends }] }, preflight("POST"), origin);
    expect(answer.sent[0]!.head).toMatchObject({ method: "OPTIONS", path: "/s/m" });
    expect(answer.sent[0]!.head.fields.get("access-control-request-method")).toBe("POST");
    expect(answer.fields).toEqual({ "access-control-allow-origin": "*" });
  });

  it("is answered where the rule itself redirects", () => {
    const redirect: FilterInit = { filter: { case: "redirect", value: { status: 302 } } };
    expect(ask({ rules: [{ filters: [redirect, cors] }] }, preflight("GET")).status).toBe(204);
  });
});

describe("an answer", () => {
  const route = { rules: [{ filters: [cors], backends }] };

  it("to gRPC-Web exposes its metadata", () => {
    const origin = answering({ "content-type": "application/grpc", "x-own": "1" });
    const { fields } = ask(route, { fields: grpcWeb }, origin);
    expect(fields).toMatchObject({ ...allowed, "x-own": "1" });
    expect(fields["access-control-expose-headers"]).toContain("x-own");
  });

  it("to Connect exposes its trailers", () => {
    const origin = (answer: Answer) => {
      const head = { status: 200, fields: new Fields(["content-type", "application/grpc+proto"]) };
      const trailers = new Fields(["grpc-status", "0", "x-late", "1"]);
      const message = new Uint8Array(5);
      const pipe = (sink: Parameters<HttpResponse["body"]["pipe"]>[0]) => (sink.write(message), sink.end(trailers));
      answer.respond({ head, body: { pipe, consumed() {}, cancel() {} } });
    };
    const { fields } = ask(route, { fields: connect }, origin);
    expect(fields).toMatchObject({ ...allowed, "trailer-x-late": "1" });
    expect(fields["access-control-expose-headers"]).toContain("trailer-x-late");
  });

  it("to plain HTTP passes with them, whatever its status", () => {
    const origin = (answer: Answer) => answer.respond({ head: { status: 500, fields: Fields.empty }, body: noBody });
    expect(ask(route, { method: "PUT", fields: { origin: page } }, origin)).toMatchObject({
      status: 500,
      fields: allowed,
    });
  });

  it("of a route without CORS passes untouched", () => {
    const own = { "access-control-allow-origin": page, vary: "origin" };
    expect(ask({ rules: [{ backends }] }, { method: "GET", fields: { origin: page } }, answering(own)).fields).toEqual(
      own,
    );
  });

  it("keeps its CORS on the way to another isolate", () => {
    const [plan] = ask(route, { fields: grpcWeb }).sent;
    expect(planFromJson(planToJson(plan!), () => plan!.targets[0]!).cors).toEqual(plan!.cors);
    expect(plan!.cors).toMatchObject({ allowOrigin: page });
  });
});

describe("a page can read an error of the edge's own:", () => {
  it("the origin is down", () => {
    const route = { rules: [{ filters: [cors], backends }] };
    expect(ask(route, { fields: grpcWeb }, failing).fields).toMatchObject(allowed);
    expect(ask(route, { fields: connect }, failing)).toMatchObject({ status: 503, fields: allowed });
    expect(ask(route, { fields: { origin: page } }, failing)).toMatchObject({ status: 503, fields: allowed });
  });

  it("the rule has no backend", () => {
    expect(ask({ rules: [{ filters: [cors] }] }, { fields: connect })).toMatchObject({
      status: 500,
      fields: allowed,
    });
  });

  it("the rule answers by itself", () => {
    const closed: FilterInit = { filter: { case: "directResponse", value: { status: 503 } } };
    expect(ask({ rules: [{ filters: [closed, cors] }] }, { fields: grpcWeb }).fields).toMatchObject(allowed);
  });

  it("the call is malformed", () => {
    const route = { rules: [{ filters: [cors], backends }] };
    const answer = ask(route, { fields: { ...connect, "connect-protocol-version": "2" } });
    expect(answer).toMatchObject({ status: 400, fields: allowed });
  });

  it("but not that there is no route", () => {
    const answer = ask({ hostnames: ["y.test"], rules: [{ filters: [cors] }] }, { fields: connect });
    expect([answer.status, Object.keys(answer.fields)]).toEqual([404, ["content-type", "content-length"]]);
  });
});
