import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { gzipSync } from "node:zlib";
import { exportJWK, type JWTPayload, SignJWT } from "jose";
import { beforeEach, describe, expect, it, test } from "vitest";
import { GetResponseSchema, PushRequestSchema, PushResponseSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import {
  type CertificateSchema,
  type ClusterTableSchema,
  OriginProtocol,
  TableSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { createAuthenticate } from "./authenticate.ts";
import { Authority } from "./authority.ts";
import { parseClusters } from "./clusters.ts";
import type { StoredPart } from "./part.ts";
import { PushLog } from "./pushes.ts";
import { createSyncService } from "./sync-service.ts";

type TableInit = MessageInitShape<typeof ClusterTableSchema>;

const start = Date.parse("2026-11-01T00:00:00Z");
const issuer = "https://issuer.test";
const subject = "system:serviceaccount:edgeway:kube-sync";
const ofIssuer = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ofWest = generateKeyPairSync("ed25519");
const ofNobody = { rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }), ed25519: generateKeyPairSync("ed25519") };

const config = JSON.stringify([
  { name: "east", audience: "edge", issuer, subject, hostnames: ["*.east.test"] },
  {
    name: "west",
    audience: "edge",
    publicKey: ofWest.publicKey.export({ type: "spki", format: "pem" }),
    hostnames: ["*"],
  },
]);

/** The edge's side, with the issuer behind `fetch`. */
class Edge {
  now = start;
  fetches: string[] = [];
  issuerIsThere = true;
  readonly lines: string[] = [];
  readonly pushes = new PushLog(() => this.now);
  readonly authority: Authority;
  readonly service: (request: Request) => Promise<Response>;

  constructor() {
    const clusters = parseClusters(config);
    const now = () => this.now;
    const authority = new Authority(
      { load: () => [] as StoredPart[], save: () => {}, descriptorSet: () => undefined },
      { now, epoch: "e", clusters, certificates: true },
    );
    const fetch = (url: unknown) => this.#fetch(String(url));
    const authenticate = createAuthenticate({ syncToken: "all", clusters, now, fetch })!;
    const log = (line: string) => void this.lines.push(line);
    this.authority = authority;
    this.service = createSyncService({ authority, authenticate, pushes: this.pushes, log, now });
  }

  async #fetch(url: string): Promise<Response> {
    this.fetches.push(url);
    if (!this.issuerIsThere) throw new TypeError("nobody there");
    if (url.endsWith("/openid-configuration")) return Response.json({ jwks_uri: `${issuer}/keys` });
    return Response.json({ keys: [{ ...(await exportJWK(ofIssuer.publicKey)), kid: "k1", alg: "RS256" }] });
  }

  async call(method: string, body: Uint8Array, token: string, headers: Record<string, string> = {}) {
    const response = await this.service(
      new Request(`http://edge/_edgeway/edgeway.v1.SyncService/${method}`, {
        method: "POST",
        headers: { "content-type": "application/proto", authorization: `Bearer ${token}`, ...headers },
        body: new Uint8Array(body),
      }),
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    const code = response.ok ? "ok" : (JSON.parse(new TextDecoder().decode(bytes)) as { code: string }).code;
    return { code, bytes };
  }
}

let edge: Edge;
beforeEach(() => {
  edge = new Edge();
});

const seconds = () => Math.floor(edge.now / 1000);

function sign(claims: JWTPayload, alg: string, key: KeyObject): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, kid: "k1" }).sign(key);
}

const accountToken = (claims: JWTPayload = {}, key = ofIssuer.privateKey) =>
  sign({ iss: issuer, sub: subject, aud: ["edge"], exp: seconds() + 3600, ...claims }, "RS256", key);

let tokens = 0;

async function signedToken(body: Uint8Array, claims: JWTPayload = {}, key = ofWest.privateKey): Promise<string> {
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", new Uint8Array(body))).toString("base64url");
  const own = { iss: "west", sub: "west", aud: "edge", iat: seconds(), exp: seconds() + 60, jti: `${tokens++}` };
  return sign({ ...own, body: hash, ...claims }, "EdDSA", key);
}

const source = { kind: "GRPCRoute", namespace: "default", name: "r" };

function pushOf(value: TableInit, issuedMillis = edge.now): Uint8Array {
  const update = { case: "whole" as const, value };
  return toBinary(PushRequestSchema, create(PushRequestSchema, { update, issuedMillis: BigInt(issuedMillis) }));
}

function tableOf(cluster: string, ...hostnames: string[]): TableInit {
  return { cluster, routes: hostnames.map((name, i) => ({ key: `r${i}`, source, hostnames: [name], rules: [{}] })) };
}

/** What the edge serves: cluster and hostnames. */
function served(): string[] {
  const { clusters } = fromBinary(TableSchema, edge.authority.table());
  return clusters.flatMap(({ cluster, routes }) => routes.map(({ hostnames }) => `${cluster} ${hostnames.join(" ")}`));
}

describe("an agent with a ServiceAccount token", () => {
  it("pushes its own cluster's part, and the issuer's keys are fetched once", async () => {
    expect(await edge.call("Push", pushOf(tableOf("east", "a.east.test")), await accountToken())).toMatchObject({
      code: "ok",
    });
    edge.now++;
    expect(await edge.call("Push", pushOf(tableOf("east", "b.east.test")), await accountToken())).toMatchObject({
      code: "ok",
    });
    expect(served()).toEqual(["east b.east.test"]);
    expect(edge.fetches).toEqual([`${issuer}/.well-known/openid-configuration`, `${issuer}/keys`]);
  });

  it.each<[string, JWTPayload]>([
    ["that has expired", { exp: start / 1000 - 31 }],
    ["that never expires", { exp: undefined }],
    ["that is not yet valid", { nbf: start / 1000 + 60 }],
    ["for another audience", { aud: "https://kubernetes.default.svc" }],
    ["of another issuer", { iss: "https://other.test" }],
    ["of another account", { sub: "system:serviceaccount:default:default" }],
  ])("%s is refused", async (_how, claims) => {
    expect(await edge.call("Push", pushOf(tableOf("east", "a.east.test")), await accountToken(claims))).toMatchObject({
      code: "unauthenticated",
    });
    expect(served()).toEqual([]);
  });

  it("is told that the keys cannot be had, and they are asked for again after a while", async () => {
    edge.issuerIsThere = false;
    const push = async () => (await edge.call("Push", pushOf(tableOf("east")), await accountToken())).code;
    expect(await push()).toBe("unavailable");
    edge.issuerIsThere = true;
    expect(await push()).toBe("unavailable");
    expect(edge.fetches).toHaveLength(1);
    edge.now += 30_000;
    expect(await push()).toBe("ok");
  });

  it("may not leave the order of its pushes open", async () => {
    expect(await edge.call("Push", pushOf(tableOf("east"), 0), await accountToken())).toMatchObject({
      code: "invalid_argument",
    });
  });
});

describe("an agent with a key pair", () => {
  it("pushes its own cluster's part, compressed or not", async () => {
    const body = pushOf(tableOf("west", "a.test"));
    const zipped = { "content-encoding": "gzip" };
    expect(await edge.call("Push", gzipSync(body), await signedToken(body), zipped)).toMatchObject({ code: "ok" });
    expect(served()).toEqual(["west a.test"]);
  });

  it.each<[string, JWTPayload]>([
    ["that has expired", { iat: start / 1000 - 120, exp: start / 1000 - 60 }],
    ["that is made for long", { exp: start / 1000 + 301 }],
    ["of long ago", { iat: start / 1000 - 400, exp: start / 1000 - 100 }],
    ["of the future", { iat: start / 1000 + 60, exp: start / 1000 + 120 }],
    ["without an end", { exp: undefined }],
    ["without a number of its own", { jti: undefined }],
    ["for any body", { body: undefined }],
    ["for another edge", { aud: "other" }],
    ["of another cluster", { iss: "east" }],
  ])("and a token %s is refused", async (_how, claims) => {
    const body = pushOf(tableOf("west", "a.test"));
    expect(await edge.call("Push", body, await signedToken(body, claims))).toMatchObject({ code: "unauthenticated" });
    expect(served()).toEqual([]);
  });
});

describe("a push changes nothing if it is", () => {
  let before: Uint8Array;
  let revisions: unknown;
  const state = () =>
    edge.authority.status().map(({ cluster, revision, issuedMillis }) => [cluster, revision, issuedMillis]);
  const good = () => tableOf("east", "a.east.test");

  beforeEach(async () => {
    await edge.call("Push", pushOf(good()), await accountToken());
    const west = pushOf(tableOf("west", "w.test"));
    await edge.call("Push", west, await signedToken(west));
    before = edge.authority.table();
    revisions = state();
    edge.now += 1000;
  });

  /** Whether the push is refused with `code`, logged and counted as `why`, and the tables are the same. */
  async function expectRefused(push: Promise<{ code: string }>, code: string, why: string): Promise<void> {
    expect(await push).toMatchObject({ code });
    expect(edge.pushes.view.counts).toEqual({ accepted: 2, refused: { [why]: 1 } });
    expect(edge.lines).toEqual([expect.stringContaining(`(${why})`)]);
    expect(edge.lines[0]).not.toMatch(/eyJ/);
    expect(edge.authority.table()).toEqual(before);
    expect(state()).toEqual(revisions);
  }

  const evil = () => pushOf(tableOf("east", "evil.east.test"));

  it("without a token", () => expectRefused(edge.call("Push", evil(), ""), "unauthenticated", "unauthenticated"));

  it("with what is no token", () =>
    expectRefused(edge.call("Push", evil(), "x".repeat(9000)), "unauthenticated", "unauthenticated"));

  it("forged with another key", async () => {
    const token = await accountToken({}, ofNobody.rsa.privateKey);
    await expectRefused(edge.call("Push", evil(), token), "unauthenticated", "forged");
  });

  it("forged with another key than the pair's", async () => {
    const body = pushOf(tableOf("west", "evil.test"));
    const token = await signedToken(body, {}, ofNobody.ed25519.privateKey);
    await expectRefused(edge.call("Push", body, token), "unauthenticated", "forged");
  });

  it("forged with the public key as a shared secret", async () => {
    const secret = Buffer.from(ofWest.publicKey.export({ type: "spki", format: "pem" }));
    const claims = { iss: "west", sub: "west", aud: "edge", iat: seconds(), exp: seconds() + 60, jti: "1", body: "" };
    const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(secret);
    await expectRefused(edge.call("Push", evil(), token), "unauthenticated", "forged");
  });

  it("unsigned", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "none" })}.${part({ iss: "west", sub: "west", aud: "edge" })}.`;
    await expectRefused(edge.call("Push", evil(), token), "unauthenticated", "forged");
  });

  it("of another body than its token was made for", async () => {
    const token = await signedToken(pushOf(tableOf("west", "w.test")));
    await expectRefused(edge.call("Push", pushOf(tableOf("west", "evil.test")), token), "unauthenticated", "forged");
  });

  it("expired", async () => {
    const token = await accountToken({ exp: seconds() - 60 });
    await expectRefused(edge.call("Push", evil(), token), "unauthenticated", "expired");
  });

  it("replayed, its ServiceAccount token still valid", async () => {
    const replayed = pushOf(tableOf("east", "a.east.test"), start);
    await expectRefused(edge.call("Push", replayed, await accountToken()), "aborted", "replayed");
  });

  it("replayed, its signed token still valid", async () => {
    const body = pushOf(tableOf("west", "w.test"));
    const token = await signedToken(body);
    await edge.call("Push", body, token);
    before = edge.authority.table();
    revisions = state();
    expect(await edge.call("Push", body, token)).toMatchObject({ code: "aborted" });
    expect(edge.pushes.view.counts).toEqual({ accepted: 3, refused: { replayed: 1 } });
    expect(edge.authority.table()).toEqual(before);
    expect(state()).toEqual(revisions);
  });

  it("made for another audience", async () => {
    await expectRefused(edge.call("Push", evil(), await accountToken({ aud: "other" })), "unauthenticated", "unknown");
  });

  it("of another cluster's part", async () => {
    const foreign = pushOf(tableOf("west", "evil.test"));
    await expectRefused(edge.call("Push", foreign, await accountToken()), "permission_denied", "foreign");
  });

  it("too large", () =>
    expectRefused(edge.call("Push", new Uint8Array(16 * 1024 * 1024 + 1), "all"), "resource_exhausted", "too_large"));

  it("small, and too large uncompressed", () => {
    const bomb = gzipSync(new Uint8Array(17 * 1024 * 1024));
    const zipped = { "content-encoding": "gzip" };
    return expectRefused(edge.call("Push", bomb, "all", zipped), "resource_exhausted", "too_large");
  });

  it("from far in the future, which would keep all others out", async () => {
    const future = pushOf(tableOf("east"), edge.now + 3_600_000);
    await expectRefused(edge.call("Push", future, await accountToken()), "unauthenticated", "expired");
  });

  it("wrong", async () => {
    const wrong = pushOf(tableOf("east", "No Host"));
    await expectRefused(edge.call("Push", wrong, await accountToken()), "invalid_argument", "invalid");
  });
});

test.each<[string, JWTPayload, string]>([
  ["audience", { aud: "another" }, `aud is not the one of a cluster that this edge knows: it is "another"`],
  ["account", { sub: "someone" }, `sub is not the one of a cluster that this edge knows: it is "someone"`],
  ["issuer", { iss: "https://b.test" }, `is none of a cluster that this edge knows: it is "https://b.test"`],
  ["account of any length", { sub: "x".repeat(5000) }, `: it is "${"x".repeat(199)}`],
])(
  "the edge's own log says which %s a token has that is no cluster's, and the answer does not",
  async (_, claims, said) => {
    const { code, bytes } = await edge.call("Push", pushOf(tableOf("east")), await accountToken(claims));
    expect(code).toBe("unauthenticated");
    expect(new TextDecoder().decode(bytes)).not.toContain(": it is");
    expect(edge.lines.map((line) => line.endsWith(said))).toEqual([true]);
  },
);

test("whoever proves to be nobody's agent cannot fill the log, and hides no push of an agent", async () => {
  for (let i = 0; i < 50; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await edge.call("Push", pushOf(tableOf("east")), "");
  }
  expect(edge.lines).toEqual([expect.stringContaining("refused a request (unauthenticated)")]);
  await edge.call("Push", pushOf(tableOf("west", "a.test")), await accountToken());
  expect(edge.lines[1]).toContain("refused a push of cluster west (foreign)");
  edge.now += 5_000;
  await edge.call("Push", pushOf(tableOf("east")), "");
  expect(edge.lines[2]).toContain("(and 49 more");
  expect(edge.pushes.view.counts.refused).toEqual({ unauthenticated: 51, foreign: 1 });
});

test("a cluster is forgotten by whoever may push it, and by nobody else", async () => {
  const body = new TextEncoder().encode("\n\x04west");
  const forget = async (token: string) => (await edge.call("Forget", body, token)).code;
  const push = pushOf(tableOf("west", "a.test"));
  await edge.call("Push", push, await signedToken(push));
  expect(await forget(await signedToken(body))).toBe("failed_precondition");
  edge.now += 300_001;
  expect(await forget("")).toBe("unauthenticated");
  expect(await forget(await accountToken())).toBe("permission_denied");
  expect(await forget(await signedToken(push))).toBe("unauthenticated");
  expect(served()).toEqual(["west a.test"]);
  expect(await forget(await signedToken(body))).toBe("ok");
  expect(served()).toEqual([]);
  expect(await forget("all")).toBe("not_found");
  expect(edge.lines.filter((line) => !line.includes("a request"))).toEqual([
    expect.stringContaining("refused to forget cluster west (alive): cluster west was heard 0 s ago"),
    expect.stringContaining("refused to forget cluster west (foreign)"),
    "cluster west is forgotten",
    expect.stringContaining("refused to forget cluster west (absent)"),
  ]);
  expect(edge.pushes.view.counts.accepted).toBe(1);
  expect(edge.pushes.view.recent[0]).toMatchObject({ cluster: "west", reason: null, routes: { removed: ["r0"] } });
});

describe("what a cluster was not granted", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  const certificate: MessageInitShape<typeof CertificateSchema> = {
    key: "c",
    source: { kind: "Secret", namespace: "default", name: "tls" },
    hostnames: ["a.east.test", "bank.test"],
    chain: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    privateKey: key,
  };

  it("is withheld, and the rest served", async () => {
    const table: TableInit = {
      cluster: "east",
      routes: [
        { key: "both", source, hostnames: ["a.east.test", "bank.test", "*.test"], rules: [{}] },
        { key: "every", source, rules: [{}] },
        { key: "own", source, hostnames: ["*.b.east.test", "*.east.test"], rules: [{}] },
      ],
      certificates: [certificate],
    };
    const { bytes } = await edge.call("Push", pushOf(table), await accountToken());
    const { withheld } = fromBinary(PushResponseSchema, bytes);
    expect(withheld.map(({ source: of, field, reason }) => [of?.kind, field, reason])).toEqual([
      ["GRPCRoute", "hostnames[1]", 'cluster east is not granted "bank.test"'],
      ["GRPCRoute", "hostnames[2]", 'cluster east is not granted "*.test"'],
      ["GRPCRoute", "hostnames", "cluster east is not granted every hostname, and none is named"],
      ["Secret", "hostnames[1]", 'cluster east is not granted "bank.test"'],
    ]);
    expect(served()).toEqual(["east a.east.test", "east *.b.east.test *.east.test"]);
    const [own] = fromBinary(TableSchema, edge.authority.table()).clusters;
    expect(own?.certificates.map(({ hostnames }) => hostnames)).toEqual([["a.east.test"]]);
  });

  it("is another's table, and anybody's private keys", async () => {
    const backends = [
      {
        key: "b",
        source,
        protocol: OriginProtocol.GRPC,
        tls: true,
        originTls: { clientCertificate: certificate.chain!, clientKey: key },
      },
    ];
    await edge.call("Push", pushOf({ cluster: "east", certificates: [certificate], backends }), await accountToken());
    const get = (cluster: string, token: string) =>
      edge.call("Get", new TextEncoder().encode(`\n\x04${cluster}`), token);
    const { bytes } = await get("east", await accountToken());
    const { table } = fromBinary(GetResponseSchema, bytes);
    expect(table?.certificates.map(({ chain, privateKey }) => [chain, privateKey])).toEqual([[certificate.chain, ""]]);
    expect(table?.backends[0]?.originTls).toMatchObject({ clientCertificate: certificate.chain, clientKey: "" });
    expect(fromBinary(GetResponseSchema, (await get("east", "all")).bytes)).toEqual(
      fromBinary(GetResponseSchema, bytes),
    );
    expect(await get("west", await accountToken())).toMatchObject({ code: "permission_denied" });
  });
});
