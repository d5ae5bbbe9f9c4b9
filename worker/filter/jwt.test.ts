import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { beforeAll, expect, test } from "vitest";
import type { Jwt } from "../../routes/policies.ts";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { modifyAll, requestModifiersOf } from "./headers.ts";
import { JwtChecks } from "./jwt.ts";

const uri = "https://issuer.test/keys";
const now = 1_800_000_000_000;
const rule: Jwt = {
  kind: "jwt",
  issuer: "https://issuer.test",
  audiences: ["shop"],
  keys: { uri },
  claims: [],
  optional: false,
  forward: false,
  headers: ["authorization"],
};

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let pair: Pair;
let stranger: Pair;
let jwk: JWK;

beforeAll(async () => {
  [pair, stranger] = await Promise.all([generateKeyPair("ES256"), generateKeyPair("ES256")]);
  jwk = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" };
});

function token(claims: JWTPayload = {}, { key = pair.privateKey, kid = "one", expires = now + 60_000 } = {}) {
  return new SignJWT({ iss: "https://issuer.test", aud: "shop", sub: "alice", ...claims })
    .setProtectedHeader({ alg: "ES256", kid })
    .setExpirationTime(expires / 1_000)
    .sign(key);
}

/** An issuer whose keys may change, and that may be away. */
function issuer(initial: readonly JWK[] = [jwk], shares = true) {
  const state = {
    keys: initial,
    away: false,
    fetched: 0,
    body: undefined as string | undefined,
    time: now,
    answer: undefined as Promise<Response> | undefined,
  };
  const fetcher = () => {
    state.fetched++;
    if (state.answer !== undefined) return state.answer;
    if (state.away) return Promise.reject(new TypeError("fetch failed"));
    return Promise.resolve(new Response(state.body ?? JSON.stringify({ keys: state.keys })));
  };
  return { state, checks: new JwtChecks(fetcher, () => state.time, shares) };
}

const bearer = (value: string) => new Fields(["authorization", `Bearer ${value}`]);

test("a token of the issuer, for the audience, passes", async () => {
  const { checks } = issuer();
  expect(await checks.check(rule, bearer(await token()))).toBeUndefined();
});

test.each([
  ["none", async () => Fields.empty, "the call has no token"],
  ["another kind of credentials", async () => new Fields(["authorization", "Basic YTpi"]), "the call has no token"],
  ["what is no token", async () => bearer("abc"), "the token is not valid"],
  ["a token that has expired", async () => bearer(await token({}, { expires: now - 31_000 })), "has expired"],
  ["one of another issuer", async () => bearer(await token({ iss: "https://other.test" })), "claim iss"],
  ["one for another audience", async () => bearer(await token({ aud: "bank" })), "claim aud"],
  ["one signed by a stranger", async () => bearer(await token({}, { key: stranger.privateKey })), "is not valid"],
  ["one signed by nobody", async () => bearer(`${btoa('{"alg":"none"}')}.${btoa("{}")}.`), "is not valid"],
  ["one without an end", async () => bearer(await endless()), "claim exp"],
  ["one of many bytes", async () => bearer("a".repeat(20_000)), "too long"],
])("%s is UNAUTHENTICATED", async (_, fields, message) => {
  const { checks } = issuer();
  const error = await checks.check(rule, await fields());
  expect(error).toMatchObject({ code: Code.UNAUTHENTICATED, httpStatus: 401 });
  expect(error!.message).toContain(message);
});

function endless(): Promise<string> {
  const claims = { iss: "https://issuer.test", aud: "shop" };
  return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "one" }).sign(pair.privateKey);
}

test("a secret that is shared with callers signs nothing", async () => {
  const secret = new TextEncoder().encode("x".repeat(32));
  const symmetric = { kty: "oct", k: btoa("x".repeat(32)), kid: "one", alg: "HS256" };
  const { checks } = issuer([symmetric]);
  const forged = await new SignJWT({ iss: "https://issuer.test", aud: "shop" })
    .setProtectedHeader({ alg: "HS256", kid: "one" })
    .setExpirationTime("1h")
    .sign(secret);
  expect(await checks.check(rule, bearer(forged))).toMatchObject({ code: Code.UNAUTHENTICATED });
});

test("a claim must be one of the rule's values, alone, in a list, or among words", async () => {
  const { checks } = issuer();
  const scoped = { ...rule, claims: [{ name: "scope", values: ["write", "admin"] }] };
  const passes = async (claims: JWTPayload) => (await checks.check(scoped, bearer(await token(claims)))) === undefined;
  expect(await passes({ scope: "admin" })).toBe(true);
  expect(await passes({ scope: "read write" })).toBe(true);
  expect(await passes({ scope: ["read", "write"] })).toBe(true);
  expect(await passes({ scope: "read" })).toBe(false);
  expect(await passes({})).toBe(false);
});

test("where tokens are optional a call without one passes, and one with a wrong one does not", async () => {
  const { checks } = issuer();
  const optional = { ...rule, optional: true };
  expect(await checks.check(optional, Fields.empty)).toBeUndefined();
  expect(await checks.check(optional, bearer("abc"))).toMatchObject({ code: Code.UNAUTHENTICATED });
});

test("a token may be in another header field, with or without a word before it", async () => {
  const { checks } = issuer();
  const elsewhere = { ...rule, headers: ["x-token"] };
  expect(await checks.check(elsewhere, new Fields(["x-token", await token()]))).toBeUndefined();
  expect(await checks.check(elsewhere, new Fields(["x-token", `Bearer ${await token()}`]))).toBeUndefined();
});

test("keys are fetched once, again when they are old, and for a key that is not among them, but not at each call", async () => {
  const { checks, state } = issuer();
  const good = bearer(await token({}, { expires: now + 3_600_000 }));
  for (let i = 0; i < 3; i++) await checks.check(rule, good);
  expect(state.fetched).toBe(1);
  const unknown = bearer(await token({}, { kid: "two", expires: now + 3_600_000 }));
  for (let i = 0; i < 3; i++) expect(await checks.check(rule, unknown)).toBeDefined();
  expect(state.fetched).toBe(1); // they were fetched just now
  state.time += 31_000;
  state.keys = [jwk, { ...jwk, kid: "two" }];
  expect(await checks.check(rule, unknown)).toBeUndefined();
  expect(state.fetched).toBe(2);
  state.time += 601_000;
  await checks.check(rule, good);
  expect(state.fetched).toBe(3);
});

test("while the issuer is away its keys at hand go on counting, and without any the edge says so", async () => {
  const { checks, state } = issuer();
  const good = bearer(await token({}, { expires: now + 3_600_000 }));
  state.away = true;
  expect(await checks.check(rule, good)).toMatchObject({ code: Code.UNAVAILABLE });
  state.away = false;
  state.time += 5_000;
  expect(await checks.check(rule, good)).toBeUndefined();
  state.away = true;
  state.time += 601_000;
  expect(await checks.check(rule, good)).toBeUndefined();
});

test.each([
  ["no token", () => Promise.resolve("x")],
  ["signed by nobody", () => Promise.resolve(`${btoa('{"alg":"none"}')}.${btoa("{}")}.`)],
  ["signed with a shared secret", () => Promise.resolve(`${btoa('{"alg":"HS256"}')}.${btoa("{}")}.AA`)],
])("for what is %s no issuer is asked", async (_, text) => {
  const { checks, state } = issuer();
  expect(await checks.check(rule, bearer(await text()))).toMatchObject({ code: Code.UNAUTHENTICATED });
  expect(state.fetched).toBe(0);
});

test.each([
  [true, 1],
  [false, 5],
])("calls that come together and may wait for each other: %s: fetch keys %i times", async (shares, fetched) => {
  const { checks, state } = issuer(undefined, shares);
  const good = bearer(await token());
  const errors = await Promise.all(Array.from({ length: 5 }, () => checks.check(rule, good)));
  expect(errors).toEqual(Array.from({ length: 5 }, () => undefined));
  expect(state.fetched).toBe(fetched);
});

test.each([true, false])(
  "an issuer that is away is asked seldom, and nobody waits for it (shared: %s)",
  async (shares) => {
    const { checks, state } = issuer(undefined, shares);
    const good = bearer(await token({}, { expires: now + 3_600_000 }));
    const unknown = bearer(await token({}, { kid: "two", expires: now + 3_600_000 }));
    expect(await checks.check(rule, good)).toBeUndefined();
    state.away = true;
    state.time += 601_000;
    for (let i = 0; i < 3; i++) expect(await checks.check(rule, good)).toBeUndefined();
    expect(await checks.check(rule, unknown)).toMatchObject({ code: Code.UNAVAILABLE });
    expect(state.fetched).toBe(2);
    state.time += 5_000;
    const hung = Promise.withResolvers<Response>();
    state.answer = hung.promise;
    const first = checks.check(rule, good);
    // Signatures are verified by the platform: the fetch has begun when the second call, which does not wait, has passed.
    for (let i = 0; i < 3; i++) expect(await checks.check(rule, good)).toBeUndefined();
    expect(state.fetched).toBe(3);
    hung.resolve(new Response(JSON.stringify({ keys: [{ ...jwk, kid: "two" }] })));
    expect(await first).toMatchObject({ code: Code.UNAUTHENTICATED });
    expect(await checks.check(rule, unknown)).toBeUndefined();
  },
);

test("an issuer that answers without end, or with something else, is not listened to", async () => {
  const { checks, state } = issuer();
  state.body = "[".repeat(100_000);
  expect(await checks.check(rule, bearer(await token()))).toMatchObject({ code: Code.UNAVAILABLE });
  state.body = "<html>";
  state.time += 5_000;
  expect(await checks.check(rule, bearer(await token()))).toMatchObject({ code: Code.UNAVAILABLE });
});

test("the keys may be in the rule itself", async () => {
  const { checks, state } = issuer();
  const own = { ...rule, keys: { jwks: JSON.stringify({ keys: [jwk] }) } };
  expect(await checks.check(own, bearer(await token()))).toBeUndefined();
  expect(await checks.check(own, bearer(await token({}, { key: stranger.privateKey })))).toBeDefined();
  expect(state.fetched).toBe(0);
});

const two = { ...rule, headers: ["authorization", "x-token"], forward: true };

test("a call with several values in one of the rule's header fields is refused: an origin may take the other", async () => {
  const { checks } = issuer();
  const good = await token();
  for (const flat of [
    ["authorization", `Bearer ${good}`, "authorization", "Bearer forged"],
    ["authorization", `Bearer ${good}`, "x-token", good, "x-token", "forged"],
    ["authorization", `Bearer ${good}, Bearer forged`],
  ])
    expect(await checks.check(two, new Fields(flat))).toMatchObject({ code: Code.UNAUTHENTICATED });
});

test.each(["Bearer\tforged", "Bearer forged x", "bearer", "Bearer  forged\tx", "Bearer:forged"])(
  "where tokens are optional, %j is no lack of one",
  async (value) => {
    const { checks } = issuer();
    const error = await checks.check({ ...rule, optional: true }, new Fields(["authorization", value]));
    expect(error).toMatchObject({ code: Code.UNAUTHENTICATED });
  },
);

test("where tokens are optional, other credentials pass", async () => {
  const { checks } = issuer();
  const basic = new Fields(["authorization", "Basic YTpi"]);
  expect(await checks.check({ ...two, optional: true }, basic)).toBeUndefined();
  expect(modifyAll(basic, requestModifiersOf([{ ...two, optional: true }], basic))).toBe(basic);
});

test("of the rule's header fields an origin gets the one whose token was checked, or none", () => {
  const passed = (jwt: Jwt, fields: Fields) => modifyAll(fields, requestModifiersOf([jwt], fields));
  const both = new Fields(["authorization", "Bearer good", "a", "b", "x-token", "forged"]);
  expect(passed(two, both).flat).toEqual(["authorization", "Bearer good", "a", "b"]);
  expect(passed({ ...two, headers: ["x-token", "authorization"] }, both).flat).toEqual(["a", "b", "x-token", "forged"]);
  expect(passed({ ...two, forward: false }, both).flat).toEqual(["a", "b"]);
  const one = new Fields(["authorization", "Bearer good"]);
  expect(passed(two, one)).toBe(one);
});

test("a token that names no key is held against each that may be the one", async () => {
  const other = { ...(await exportJWK(stranger.publicKey)), kid: "other", alg: "ES256" };
  const { checks } = issuer([other, jwk]);
  const unnamed = (key: Pair["privateKey"]) =>
    new SignJWT({ iss: "https://issuer.test", aud: "shop" })
      .setProtectedHeader({ alg: "ES256" })
      .setExpirationTime((now + 60_000) / 1_000)
      .sign(key);
  for (const { privateKey } of [pair, stranger])
    expect(await checks.check(rule, bearer(await unnamed(privateKey)))).toBeUndefined();
  const { privateKey } = await generateKeyPair("ES256");
  expect(await checks.check(rule, bearer(await unnamed(privateKey)))).toMatchObject({ code: Code.UNAUTHENTICATED });
});
