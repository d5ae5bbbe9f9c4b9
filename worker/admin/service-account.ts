/** ServiceAccount tokens, as Kubernetes projects them into pods: signed by the cluster, for one audience, soon over. */
import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose";
import { verifyByAny } from "../filter/any-key.ts";
import type { Identity, Verifier } from "./authenticate.ts";
import type { ServiceAccountProof } from "./clusters.ts";
import { claimsOf, clockToleranceSeconds } from "./jwt.ts";
import { Refused } from "./refused.ts";

/** Those of public keys: with a shared secret, whoever can verify can forge. */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** Milliseconds for which an issuer's keys are taken from memory; a token with an unknown key has them fetched anew. */
const cacheMaxAge = 600_000;
/** Milliseconds after fetching them in which such tokens do not. */
const cooldownDuration = 30_000;
const timeoutDuration = 5_000;

export class ServiceAccountVerifier implements Verifier {
  readonly issuer: string;
  readonly #cluster: string;
  readonly #audience: string;
  readonly #subject: string;
  readonly #keys: () => Promise<JWTVerifyGetKey>;
  readonly #now: () => number;

  constructor(
    cluster: string,
    audience: string,
    { issuer, subject, keys }: ServiceAccountProof,
    now: () => number,
    fetch: typeof globalThis.fetch,
  ) {
    this.issuer = issuer;
    this.#cluster = cluster;
    this.#audience = audience;
    this.#subject = subject;
    this.#now = now;
    this.#keys = keysOf(issuer, keys, now, fetch);
  }

  async verify(token: string): Promise<Identity> {
    const options = {
      issuer: this.issuer,
      audience: this.#audience,
      subject: this.#subject,
      algorithms,
      requiredClaims: ["exp"],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(this.#now()),
    };
    await claimsOf(this.#keys().then((keys) => verifyByAny(token, keys, options)));
    // The same token comes with every call; that a push comes but once, issued_millis sees to.
    return { cluster: this.#cluster, confirm: () => Promise.resolve() };
  }
}

function keysOf(
  issuer: string,
  keys: ServiceAccountProof["keys"],
  now: () => number,
  fetch: typeof globalThis.fetch,
): () => Promise<JWTVerifyGetKey> {
  const remote = (url: URL): JWTVerifyGetKey =>
    createRemoteJWKSet(url, { cacheMaxAge, cooldownDuration, timeoutDuration, [customFetch]: fetch });
  if (keys === undefined) return discovered(issuer, remote, now, fetch);
  const set = keys instanceof URL ? remote(keys) : createLocalJWKSet(keys);
  return () => Promise.resolve(set);
}

/** Asks the issuer once where its keys are, and after a failure not again for a while. */
function discovered(
  issuer: string,
  remote: (url: URL) => JWTVerifyGetKey,
  now: () => number,
  fetch: typeof globalThis.fetch,
): () => Promise<JWTVerifyGetKey> {
  let known: Promise<JWTVerifyGetKey> | undefined;
  let askedAt = -Infinity;
  return async () => {
    if (known === undefined && now() - askedAt < cooldownDuration) throw unavailable(issuer);
    if (known === undefined) {
      askedAt = now();
      known = discover(issuer, fetch).then(remote);
    }
    try {
      return await known;
    } catch {
      known = undefined;
      throw unavailable(issuer);
    }
  };
}

const unavailable = (issuer: string) => new Refused("unavailable", `${issuer} does not say where its keys are`);

/** OpenID Connect Discovery 1.0 section 4. */
async function discover(issuer: string, fetch: typeof globalThis.fetch): Promise<URL> {
  const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(timeoutDuration),
    redirect: "manual",
  });
  const { jwks_uri: uri } = (await response.json()) as { readonly jwks_uri?: unknown };
  const url = new URL(String(uri));
  if (!response.ok || (url.protocol !== "https:" && url.origin !== new URL(issuer).origin)) throw unavailable(issuer);
  return url;
}
