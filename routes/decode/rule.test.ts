import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CallProtocol, type CertificateSchema, ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { decode } from "../decode.ts";
import type { Filter, Match, Rule } from "../model.ts";
import { backend, part, route, type RouteInit, type RuleInit } from "../table.fixture.ts";

const ruleOf = (init: RuleInit, of: RouteInit = {}): Rule =>
  part("east", route("r", { rules: [{}, init], ...of })).routes[0]!.rules.at(-1)!;

function wrong(init: RuleInit, of: RouteInit = {}): string[] {
  const routes = [route("r", { rules: [init], ...of })];
  const table = create(ClusterTableSchema, { cluster: "east", routes, backends: [backend("default/a:1")] });
  return (decode(table).issues ?? []).map(({ field }) => field.replace("rules[0].", ""));
}

describe("a rule", () => {
  it("asks for nothing that it does not say", () => {
    const { name, timeouts, retry, hedging, session, clusters } = ruleOf({ timeouts: {}, retry: {}, hedging: {} });
    expect([name, timeouts, retry, hedging, session, clusters]).toEqual(Array.from({ length: 6 }, () => undefined));
  });

  it("has a name, and its route an order of failover", () => {
    expect(ruleOf({ name: "first try" }).name).toBe("first try");
    expect(part("east", route("r", { failover: 2 })).routes[0]?.failover).toBe(2);
    expect(wrong({ name: "a\nb" })).toEqual(["name"]);
  });

  it("limits times", () => {
    expect(ruleOf({ timeouts: { requestMs: 500, backendRequestMs: 500 } }).timeouts).toEqual({
      requestMs: 500,
      backendRequestMs: 500,
      idleMs: undefined,
    });
    expect(wrong({ timeouts: { requestMs: 500, backendRequestMs: 501 } })).toEqual(["timeouts.backendRequestMs"]);
    expect(wrong({ timeouts: { idleMs: 2 ** 31 } })).toEqual(["timeouts.idleMs"]);
  });

  it("tries again, and hedges", () => {
    expect(ruleOf({ retry: { attempts: 2, grpcCodes: [14, 8, 14], onReset: true } }).retry).toEqual({
      attempts: 2,
      grpcCodes: [8, 14],
      httpStatuses: [],
      onReset: true,
      backoffMs: 25,
      maxBackoffMs: 250,
    });
    expect(ruleOf({ hedging: { attempts: 1, delayMs: 30 } }).hedging).toEqual({ attempts: 1, delayMs: 30 });
    expect(
      wrong({ retry: { attempts: 101, grpcCodes: [17], httpStatuses: [200], backoffMs: 9, maxBackoffMs: 8 } }),
    ).toEqual(["retry.maxBackoffMs", "retry.attempts", "retry.grpcCodes[0]", "retry.httpStatuses[0]"]);
    expect(wrong({ hedging: { attempts: 101 } })).toEqual(["hedging.attempts"]);
  });

  it("keeps a caller's calls together", () => {
    const cookie = { case: "cookie", value: "Session" } as const;
    expect(ruleOf({ session: { carrier: cookie, absoluteTimeoutSeconds: 60, permanent: true } }).session).toEqual({
      carrier: "cookie",
      name: "Session",
      absoluteTimeoutSeconds: 60,
      permanent: true,
    });
    expect(wrong({ session: {} })).toEqual(["session"]);
    expect(wrong({ session: { carrier: { case: "header", value: "Session" } } })).toEqual(["session.header"]);
    expect(wrong({ session: { carrier: { case: "cookie", value: "a=b" } } })).toEqual(["session.cookie"]);
    expect(wrong({ session: { carrier: cookie, permanent: true } })).toEqual(["session.absoluteTimeoutSeconds"]);
  });

  it("shares equal policies with the other rules of its table", () => {
    const { rules } = part("east", route("r", { rules: [{ timeouts: { idleMs: 1 } }, { timeouts: { idleMs: 1 } }] }))
      .routes[0]!;
    expect(rules[1]?.timeouts).toBe(rules[0]?.timeouts);
  });
});

describe("a match of protocols", () => {
  const { GRPC, GRPC_WEB, CONNECT, HTTP } = CallProtocol;
  const of = (protocols: CallProtocol[], grpcOnly = false): Match =>
    ruleOf({ matches: [{ protocols }] }, { rules: [{ matches: [{ protocols }] }], grpcOnly }).matches[0]!;

  it("is the same as another that asks for the same", () => {
    expect(of([HTTP, GRPC, GRPC])).toMatchObject({ rpcOnly: false, protocols: ["grpc", "http"] });
    expect(of([GRPC, HTTP, CONNECT, GRPC_WEB].slice(0, 4))).toEqual(of([]));
    expect(of([CONNECT, GRPC_WEB, GRPC])).toEqual(of([], true));
    expect(of([GRPC, HTTP], true)).toEqual(of([GRPC]));
    expect(of([GRPC])).toMatchObject({ rpcOnly: true, protocols: ["grpc"] });
  });

  it("is refused if nothing can meet it", () => {
    expect(wrong({ matches: [{ protocols: [HTTP] }] }, { grpcOnly: true })).toEqual(["matches[0].protocols"]);
    expect(wrong({ matches: [{ protocols: [JSON.parse("9")] }] })).toEqual(["matches[0].protocols[0]"]);
  });
});

describe("a filter", () => {
  type FilterInit = NonNullable<RuleInit["filters"]>[number];
  const decoded = (filter: FilterInit["filter"]): Filter => ruleOf({ filters: [{}, { filter }].slice(1) }).filters[0]!;
  const of = (filter: FilterInit["filter"]) =>
    wrong({ filters: [{ filter }] }).map((field) => field.replace("filters[0].", ""));

  it("copies calls to a backend", () => {
    const target = { case: "backend", value: "default/a:1" } as const;
    expect(decoded({ case: "mirror", value: { target, millionths: 250_000 } })).toMatchObject({
      kind: "mirror",
      backend: { name: "east/default/a:1" },
      share: 0.25,
    });
    const invalid = { case: "invalid", value: "no such Service" } as const;
    expect(decoded({ case: "mirror", value: { target: invalid } })).toEqual({
      kind: "mirror",
      backend: undefined,
      share: 0,
    });
    expect(of({ case: "mirror", value: {} })).toEqual(["mirror.backend"]);
    expect(
      of({ case: "mirror", value: { target: { case: "backend", value: "nobody" }, millionths: 1_000_001 } }),
    ).toEqual(["mirror.backend", "mirror.millionths"]);
  });

  it("fails and delays calls", () => {
    const abort = { case: "grpcCode", value: 14 } as const;
    expect(decoded({ case: "fault", value: { abort, abortMillionths: 1_000_000, delayMs: 5 } })).toEqual({
      kind: "fault",
      delayMs: 5,
      delayShare: 0,
      abort: { grpcCode: 14 },
      abortShare: 1,
    });
    expect(of({ case: "fault", value: { abort: { case: "httpStatus", value: 99 } } })).toEqual(["fault.httpStatus"]);
    expect(of({ case: "fault", value: { abort: { case: "grpcCode", value: 0 } } })).toEqual(["fault.grpcCode"]);
  });

  it("limits calls under a name that lasts", () => {
    const key = { case: "header", value: "x-user" } as const;
    expect(decoded({ case: "rateLimit", value: { calls: 10, periodMs: 1000, key } })).toEqual({
      kind: "rateLimit",
      calls: 10,
      periodMs: 1000,
      burst: 10,
      key: { header: "x-user" },
      id: "east/r#1.0",
    });
    const bySource = { calls: 1, periodMs: 1, key: { case: "source", value: true } } as const;
    expect(decoded({ case: "rateLimit", value: bySource })).toMatchObject({ key: "source" });
    expect(of({ case: "rateLimit", value: {} })).toEqual(["rateLimit.calls", "rateLimit.periodMs"]);
  });

  it("asks for a token", () => {
    const jwksUri = { case: "jwksUri", value: "https://a.test/keys" } as const;
    const claims = [{ name: "role", values: ["admin"] }];
    expect(decoded({ case: "jwt", value: { issuer: "https://a.test", keys: jwksUri, claims } })).toEqual({
      kind: "jwt",
      issuer: "https://a.test",
      audiences: [],
      keys: { uri: "https://a.test/keys" },
      claims,
      optional: false,
      forward: false,
      headers: ["authorization"],
    });
    const jwks = { case: "jwks", value: '{"keys":[]}' } as const;
    expect(decoded({ case: "jwt", value: { keys: jwks, headers: ["x-token"] } })).toMatchObject({
      issuer: undefined,
      keys: { jwks: jwks.value },
      headers: ["x-token"],
    });
    expect(of({ case: "jwt", value: {} })).toEqual(["jwt"]);
    for (const value of ["{}", "no", "null", '{"keys":{}}'])
      expect(of({ case: "jwt", value: { keys: { case: "jwks", value } } }), value).toEqual(["jwt.jwks"]);
    for (const value of ["http://a.test", "https://", "https:///a", "https://a b"])
      expect(of({ case: "jwt", value: { keys: { case: "jwksUri", value } } }), value).toEqual(["jwt.jwksUri"]);
    expect(of({ case: "jwt", value: { keys: jwks, claims: [{ name: "", values: [] }] } })).toEqual([
      "jwt.claims[0].values",
      "jwt.claims[0].name",
    ]);
  });

  it.each<FilterInit["filter"]>([
    { case: "mirror", value: { target: { case: "backend", value: "default/a:1" } } },
    { case: "fault", value: {} },
    { case: "rateLimit", value: { calls: 1, periodMs: 1 } },
    { case: "responseTrailers", value: {} },
  ])("of kind $case is the rule's, not a backend's", (filter) => {
    const backends = [{ target: { case: "backend", value: "default/a:1" } as const, filters: [{ filter }] }];
    expect(wrong({ backends })).toEqual(["backends[0].filters[0]"]);
    expect(wrong({ filters: [{ filter }] })).toEqual([]);
  });
});

describe("a certificate", () => {
  const source = { kind: "Secret", namespace: "default", name: "tls" };
  const chain = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  const privateKey = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
  type CertificateInit = MessageInitShape<typeof CertificateSchema>;
  const decodedOf = (...certificates: CertificateInit[]) =>
    decode(create(ClusterTableSchema, { cluster: "east", certificates, lastResort: true }));

  it("is part of its cluster's table", () => {
    const { part: decoded } = decodedOf({ key: "a", source, hostnames: ["*.a.test"], chain, privateKey });
    expect(decoded).toMatchObject({
      lastResort: true,
      certificates: [
        { key: "a", source, hostnames: ["*.a.test"], chain, privateKey, clientCa: undefined, clientOptional: false },
      ],
    });
  });

  it("is refused without its key, and its key never told", () => {
    const { issues } = decodedOf(
      { key: "a", source, chain, privateKey: "secret" },
      { key: "a", source, chain, privateKey },
    );
    expect(issues).toMatchObject([{ source, field: "privateKey" }, { field: "certificates[1].key" }]);
    expect(JSON.stringify(issues)).not.toContain("secret");
  });
});
