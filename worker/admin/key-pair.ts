/**
 * Tokens that an agent signs with its own key, one for each request. Claims: "iss" and "sub", the cluster's name; "aud";
 * "iat" and "exp", five minutes apart at most; "jti", which is refused when it comes again; "body", the SHA-256 of the
 * request's body before compression, in base64url: so that nobody who sees a request can make another of it.
 */
import { base64url, type CryptoKey, importJWK, importSPKI, type JWK, jwtVerify, type JWTPayload } from "jose";
import type { Identity, Verifier } from "./authenticate.ts";
import type { KeyPairProof } from "./clusters.ts";
import { claimsOf, clockToleranceSeconds } from "./jwt.ts";
import { Refused } from "./refused.ts";

const algorithms = ["EdDSA", "Ed25519", "ES256"];

const maxAgeSeconds = 300;
/** Tokens remembered: several in a second, for as long as each could come again. */
const maxSeen = 4096;

export class KeyPairVerifier implements Verifier {
  readonly issuer: string;
  readonly #audience: string;
  readonly #publicKey: string | JWK;
  readonly #now: () => number;
  /** When each token that was seen is over, Unix seconds, by its "jti": in the order of coming. */
  readonly #seen = new Map<string, number>();

  constructor(cluster: string, audience: string, { publicKey }: KeyPairProof, now: () => number) {
    this.issuer = cluster;
    this.#audience = audience;
    this.#publicKey = publicKey;
    this.#now = now;
  }

  async verify(token: string): Promise<Identity> {
    const verified = jwtVerify(token, ({ alg }) => this.#key(alg), {
      issuer: this.issuer,
      subject: this.issuer,
      audience: this.#audience,
      algorithms,
      requiredClaims: ["exp", "iat", "jti", "body"],
      clockTolerance: clockToleranceSeconds,
      maxTokenAge: maxAgeSeconds,
      currentDate: new Date(this.#now()),
    });
    const claims = await claimsOf(verified);
    if (claims.exp! - claims.iat! > maxAgeSeconds)
      throw new Refused("expired", `the token is made for more than ${maxAgeSeconds} seconds`);
    return { cluster: this.issuer, confirm: (body) => this.#confirm(claims, body) };
  }

  /** @throws Refused if the key is for another algorithm than `alg` */
  async #key(alg = ""): Promise<CryptoKey | Uint8Array> {
    const key = this.#publicKey;
    try {
      return await (typeof key === "string" ? importSPKI(key, alg) : importJWK(key, alg));
    } catch {
      throw new Refused("forged", "the token is signed for another kind of key than the cluster's");
    }
  }

  async #confirm({ jti = "", exp = 0, body: signed }: JWTPayload, body: Uint8Array): Promise<void> {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(body)));
    if (base64url.encode(digest) !== signed) throw new Refused("forged", "the token was made for another body");
    const now = this.#now() / 1000 - clockToleranceSeconds;
    for (const [seen, over] of this.#seen) if (over < now) this.#seen.delete(seen);
    if (this.#seen.has(jti)) throw new Refused("replayed", "the token was used before");
    if (this.#seen.size >= maxSeen) throw new Refused("too_large", "there are too many requests of this cluster");
    this.#seen.set(jti, exp);
  }
}
