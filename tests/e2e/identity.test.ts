/** Agents that prove themselves, and others that cannot, before workerd and Node. */
import { create, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { exportJWK, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startWorkerd } from "../../cli/dev/workerd.ts";
import { connectEdge, Pusher, type Token } from "../../kube-sync/push.ts";
import { signedTokens } from "../../kube-sync/signed-token.ts";
import { GetResponseSchema, PushRequestSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { type ClusterTable, ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { runServe, token as syncToken } from "../serve/serve.ts";
import { frame, send, sendWeb, trailers } from "./raw.ts";

interface Edge {
  readonly port: number;
  close(): Promise<void>;
}

const hosts: Record<string, (clusters: string) => Promise<Edge>> = {
  workerd(clusters) {
    const secrets = { EDGEWAY_SYNC_TOKEN: syncToken, EDGEWAY_CLUSTERS: clusters };
    return startWorkerd({ secrets, log: () => {} });
  },
  async node(clusters) {
    const directory = await mkdtemp(join(tmpdir(), "edgeway-clusters-"));
    const file = join(directory, "clusters.json");
    await writeFile(file, clusters);
    const serve = await runServe(["--clusters", file]);
    return {
      port: serve.ports[0]!,
      async close() {
        await serve[Symbol.asyncDispose]();
        await rm(directory, { recursive: true });
      },
    };
  },
};

const ofIssuer = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ofNobody = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ofWest = generateKeyPairSync("ec", { namedCurve: "P-256" });
const subject = "system:serviceaccount:edgeway:kube-sync";
let issuer: Server;
let issuerUrl: string;

/** A Kubernetes API server, as far as OpenID Connect Discovery goes. */
beforeAll(async () => {
  const jwk = { ...(await exportJWK(ofIssuer.publicKey)), kid: "k", alg: "RS256" };
  issuer = createServer(({ url }, response) => {
    const discovery = url?.endsWith("/openid-configuration") === true;
    response.end(JSON.stringify(discovery ? { jwks_uri: `${issuerUrl}/openid/v1/jwks` } : { keys: [jwk] }));
  });
  await new Promise<void>((resolve) => void issuer.listen(0, "127.0.0.1", resolve));
  issuerUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
});
afterAll(() => issuer.close());

const config = () =>
  JSON.stringify([
    { name: "east", audience: "edge", issuer: issuerUrl, subject, hostnames: ["*.east.test"] },
    {
      name: "west",
      audience: "edge",
      publicKey: ofWest.publicKey.export({ type: "spki", format: "pem" }),
      hostnames: ["*.west.test"],
    },
  ]);

function accountToken(claims: JWTPayload = {}, key: KeyObject = ofIssuer.privateKey): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 600;
  return new SignJWT({ iss: issuerUrl, sub: subject, aud: ["edge"], exp, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "k" })
    .sign(key);
}

const westToken = signedTokens({
  cluster: "west",
  audience: "edge",
  privateKey: ofWest.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  now: Date.now,
});

/** A table of one route, which leads `hostnames` to a backend at a port where nobody listens. */
function tableOf(cluster: string, ...hostnames: string[]): ClusterTable {
  const source = { kind: "GRPCRoute", namespace: "default", name: "all" };
  const rules = [{ backends: [{ target: { case: "backend" as const, value: "b" }, weight: 1 }] }];
  const table: MessageInitShape<typeof ClusterTableSchema> = {
    cluster,
    routes: [{ key: "all", source, hostnames, rules }],
    backends: [{ key: "b", source, protocol: OriginProtocol.GRPC, endpoints: [{ host: "127.0.0.1", port: 1 }] }],
  };
  return create(ClusterTableSchema, table);
}

function bytesOf(table: ClusterTable, issuedMillis: number): Uint8Array {
  const update = { case: "whole" as const, value: table };
  return toBinary(PushRequestSchema, create(PushRequestSchema, { update, issuedMillis: BigInt(issuedMillis) }));
}

describe.each(Object.entries(hosts))("on %s", (_name, start) => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await start(config());
  });
  afterAll(() => edge.close());

  const agent = (token: Token) => connectEdge(`http://127.0.0.1:${edge.port}`, token);

  /** The HTTP status that a push of these very bytes gets. */
  async function pushed(body: Uint8Array, token: string, encoding = "identity"): Promise<number> {
    const { status } = await send({
      port: edge.port,
      method: "POST",
      path: "/_edgeway/edgeway.v1.SyncService/Push",
      headers: {
        "content-type": "application/proto",
        "content-encoding": encoding,
        authorization: `Bearer ${token}`,
      },
      body,
    });
    return status;
  }

  /** What the edge holds of both clusters. */
  async function tables(): Promise<unknown[]> {
    const { get } = agent(syncToken);
    const both = await Promise.all(["east", "west"].map((cluster) => get({ cluster })));
    return both.map((answer) => toJson(GetResponseSchema, answer));
  }

  /** How a call to `host` ends: "14" if a route leads it to the backend that is not there, "12" if none does. */
  async function statusFor(host: string): Promise<string | undefined> {
    const body = frame("edgeway.examples.v1.SayRequest", {});
    return trailers((await sendWeb({ port: edge.port, method: "a.B/C", headers: { host }, body })).body)["grpc-status"];
  }

  test("clusters push their own parts, and what they were not granted is withheld", async () => {
    const east = new Pusher(agent(() => accountToken()));
    const west = new Pusher(agent(westToken));
    expect(await east.push(tableOf("east", "a.east.test", "a.west.test"))).toMatchObject({
      kind: "accepted",
      withheld: [{ source: { name: "all" }, field: "hostnames[1]", reason: expect.stringContaining("a.west.test") }],
    });
    expect(await statusFor("a.east.test")).toBe("14");
    expect(await statusFor("a.west.test")).toBe("12");
    expect(await west.push(tableOf("west", "a.west.test"))).toMatchObject({ kind: "accepted", withheld: [] });
    expect(await statusFor("a.west.test")).toBe("14");
    expect(await west.push(tableOf("west", "b.west.test"))).toMatchObject({ kind: "accepted" });
    expect(await statusFor("a.west.test")).toBe("12");
    expect(await west.heartbeat("west")).toEqual({ kind: "current" });
  });

  test("a cluster sees nothing of another", async () => {
    const { get, status } = agent(westToken);
    const error = await get({ cluster: "east" }).then(
      () => undefined,
      (thrown: unknown) => ConnectError.from(thrown),
    );
    expect(error?.code).toBe(Code.PermissionDenied);
    expect((await status({})).clusters.map(({ cluster }) => cluster)).toEqual(["west"]);
  });

  const evil = () => bytesOf(tableOf("east", "evil.east.test"), Date.now());
  const seconds = Math.floor(Date.now() / 1000);

  test.each<[string, number, () => Promise<number>]>([
    ["forged", 401, async () => pushed(evil(), await accountToken({}, ofNobody.privateKey))],
    ["expired", 401, async () => pushed(evil(), await accountToken({ exp: seconds - 60 }))],
    ["for another audience", 401, async () => pushed(evil(), await accountToken({ aud: "other" }))],
    [
      "of a foreign cluster",
      403,
      async () => pushed(bytesOf(tableOf("west", "evil.west.test"), Date.now()), await accountToken()),
    ],
    ["of another body than signed", 401, async () => pushed(evil(), await westToken(new Uint8Array(0)))],
    [
      "too large uncompressed",
      429,
      async () => pushed(gzipSync(new Uint8Array(16 * 1024 * 1024 + 1)), await accountToken(), "gzip"),
    ],
  ])("a push %s is refused, and the table before and after is the same", async (_how, status, push) => {
    const before = await tables();
    expect(await push()).toBe(status);
    expect(await tables()).toEqual(before);
    expect(await statusFor("evil.east.test")).toBe("12");
  });

  test.each<[string, (body: Uint8Array) => Promise<string>, string]>([
    ["east", () => accountToken(), "a.east.test"],
    ["west", westToken, "b.west.test"],
  ])("a replayed push of %s is refused, and the table before and after is the same", async (cluster, tokenOf, name) => {
    const body = bytesOf(tableOf(cluster, name, `old.${cluster}.test`), Date.now());
    const token = await tokenOf(body);
    expect(await pushed(body, token)).toBe(200);
    const newer = bytesOf(tableOf(cluster, name), Date.now() + 1);
    expect(await pushed(newer, await tokenOf(newer))).toBe(200);
    const before = await tables();
    expect(await pushed(body, token)).toBe(409);
    expect(await tables()).toEqual(before);
    expect(await statusFor(`old.${cluster}.test`)).toBe("12");
  });
});
