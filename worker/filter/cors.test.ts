import { describe, expect, it } from "vitest";
import type { Cors } from "../../routes/model.ts";
import { Fields } from "../call/fields.ts";
import { noBody } from "../call/http.ts";
import { answerPreflight, corsOf, mayBeRpc, preflightOf, withCors } from "./cors.ts";

const open: Cors = {
  kind: "cors",
  anyOrigin: true,
  origins: [],
  wildcards: [],
  credentials: false,
  allowMethods: [],
  allowHeaders: undefined,
  exposeHeaders: [],
  maxAgeSeconds: undefined,
};
const a = "https://a.example.com";
const onlyA: Cors = { ...open, anyOrigin: false, origins: [a] };

function head(fields: Record<string, string>, method = "POST") {
  return {
    method,
    scheme: "https",
    authority: "x.test",
    path: "/s/m",
    fields: new Fields(Object.entries(fields).flat()),
  } as const;
}

function preflight(fields: Record<string, string>) {
  return preflightOf(head({ origin: a, "access-control-request-method": "POST", ...fields }, "OPTIONS"));
}

const asking = (headers: string) => preflight({ "access-control-request-headers": headers })!;

function granted(cors: Cors, asked = asking("")): Record<string, string> {
  const { head: answer, body } = answerPreflight(cors, asked);
  expect([answer.status, body]).toEqual([204, noBody]);
  return Object.fromEntries(answer.fields);
}

/** The answer's fields, for a request from `origin`. */
function answered(cors: Cors, origin: string | undefined, fields: Record<string, string> = {}, method = "POST") {
  const response = { head: { status: 200, fields: new Fields(Object.entries(fields).flat()) }, body: noBody };
  const asked = head(origin === undefined ? {} : { origin }, method);
  return withCors(response, corsOf([cors], asked)).head.fields;
}

const allowOrigin = (cors: Cors, origin: string) => answered(cors, origin).get("access-control-allow-origin");

describe("a preflight", () => {
  it("is OPTIONS with an origin and the method to come", () => {
    expect(preflight({})).toEqual({ origin: a, method: "POST", headers: [] });
    expect(preflightOf(head({ origin: a }, "OPTIONS"))).toBeUndefined();
    expect(preflightOf(head({ "access-control-request-method": "POST" }, "OPTIONS"))).toBeUndefined();
    expect(preflightOf(head({ origin: a, "access-control-request-method": "POST" }, "POST"))).toBeUndefined();
    expect(preflight({ "access-control-request-method": "PO ST" })).toBeUndefined();
  });

  it("asks for header names, in any case; a list with something else in it asks for none", () => {
    expect(asking("X-One,x-two , Content-Type").headers).toEqual(["x-one", "x-two", "content-type"]);
    for (const list of ["x one", "x-one,", ":path", "x-one\r\nx-two", "x-ö"]) expect(asking(list).headers).toEqual([]);
  });

  it("may be for a call if it asks for what calls have", () => {
    for (const name of ["content-type", "x-grpc-web", "connect-protocol-version", "connect-timeout-ms"])
      expect(mayBeRpc(asking(`x-own, ${name}`))).toBe(true);
    expect(mayBeRpc(asking("authorization"))).toBe(false);
  });
});

describe("the answer to a preflight", () => {
  it("allows the method asked for, all headers of the protocols, and those asked for", () => {
    expect(granted(onlyA, asking("x-own,x-grpc-web"))).toEqual({
      vary: "origin, access-control-request-method, access-control-request-headers",
      "access-control-allow-origin": a,
      "access-control-allow-methods": "POST",
      "access-control-allow-headers":
        "content-type, x-grpc-web, x-user-agent, grpc-timeout, connect-protocol-version, connect-timeout-ms, " +
        "connect-accept-encoding, connect-content-encoding, x-own",
    });
  });

  it("tells an origin that is not allowed nothing", () => {
    expect(Object.keys(granted({ ...onlyA, credentials: true }, preflight({ origin: "https://b.test" })))).toEqual([
      "vary",
    ]);
  });

  it("allows any origin by a wildcard, but with credentials by name", () => {
    expect(granted(open)["access-control-allow-origin"]).toBe("*");
    expect(granted({ ...open, credentials: true })).toMatchObject({
      "access-control-allow-origin": a,
      "access-control-allow-credentials": "true",
    });
  });

  it("says what the filter lists, and how long it holds", () => {
    const cors = { ...onlyA, allowMethods: ["GET", "PUT"], allowHeaders: ["x-own"], exposeHeaders: ["x-seen"] };
    expect(granted({ ...cors, maxAgeSeconds: 5 }, asking("x-other"))).toMatchObject({
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "x-own",
      "access-control-expose-headers": "x-seen",
      "access-control-max-age": "5",
    });
  });

  it("allows just the headers asked for where the filter allows all", () => {
    const cors = { ...onlyA, allowHeaders: [] };
    expect(granted(cors, asking("x-own, x-other"))["access-control-allow-headers"]).toBe("x-own, x-other");
    expect(granted(cors)).not.toHaveProperty("access-control-allow-headers");
  });
});

describe("an origin", () => {
  const below: Cors = { ...onlyA, wildcards: [{ prefix: "https://", suffix: ".b.example.com:8443" }] };

  it.each([a, "https://x.b.example.com:8443", "https://x.y.b.example.com:8443"])("%s is allowed", (origin) => {
    expect(allowOrigin(below, origin)).toBe(origin);
  });

  it.each([
    "http://a.example.com",
    "https://a.example.com:8443",
    "https://a.example.com.evil.test",
    "https://b.example.com:8443",
    "http://x.b.example.com:8443",
    "https://evil.test/.b.example.com:8443",
    "https://evil.test:1.b.example.com:8443",
    "https://u@x.b.example.com:8443",
    "null",
    "",
  ])("%j is not", (origin) => {
    expect(allowOrigin(below, origin)).toBeUndefined();
  });

  it("without a name is allowed only where every origin is and there are no credentials", () => {
    expect(allowOrigin(open, "null")).toBe("*");
    expect(allowOrigin({ ...open, credentials: true }, "null")).toBeUndefined();
  });
});

describe("an answer", () => {
  it("exposes the protocols' fields and its own, but for those that pages see in any case or never", () => {
    const fields = { "content-type": "application/json", "set-cookie": "a=b", "trailer-x": "1", "x-own": "2" };
    expect(answered(onlyA, a, fields).get("access-control-expose-headers")).toBe(
      "grpc-status, grpc-message, grpc-status-details-bin, connect-content-encoding, content-encoding, trailer-x, x-own",
    );
  });

  it("exposes no more of its own than the filter lists", () => {
    const exposed = answered({ ...onlyA, exposeHeaders: ["x-seen"] }, a, { "x-own": "2" });
    expect(exposed.get("access-control-expose-headers")).toMatch(/^grpc-status, .*content-encoding, x-seen$/);
  });

  it("has one origin's word on CORS, the edge's", () => {
    const fields = answered(onlyA, a, {
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "x-own": "1",
    });
    expect(fields.joined("access-control-allow-origin")).toBe(a);
    expect(fields.has("access-control-allow-credentials")).toBe(false);
    expect(fields.get("x-own")).toBe("1");
  });

  it("to an origin that is not allowed has none", () => {
    const fields = answered(onlyA, "https://b.test", { "access-control-allow-origin": "*", "x-own": "1" });
    expect([...fields]).toEqual([
      ["x-own", "1"],
      ["vary", "origin"],
    ]);
  });

  it("varies by origin, and says so once", () => {
    expect(answered(onlyA, a, { vary: "accept-encoding" }).joined("vary")).toBe("accept-encoding, origin");
    for (const vary of ["Origin", "accept, origin", "*"])
      expect(answered(onlyA, a, { vary }).joined("vary")).toBe(vary);
    expect(answered(open, a).has("vary")).toBe(false);
  });

  it("that nobody asked for by origin is left alone, unless a cache may keep it for one who does", () => {
    expect([...answered(onlyA, undefined)]).toEqual([]);
    expect([...answered(onlyA, undefined, {}, "GET")]).toEqual([["vary", "origin"]]);
    expect(answered(open, undefined, {}, "GET").get("access-control-allow-origin")).toBe("*");
  });
});
