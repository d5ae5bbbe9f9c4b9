/** JSON Web Tokens that a rule asks its callers for (RFC 7519, RFC 8725). */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload } from "jose";
import type { Jwt } from "../../routes/policies.ts";
import { CallError } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { verifyByAny } from "./any-key.ts";
import { tokenOf } from "./jwt-token.ts";
import { type KeySet, KeySets } from "./key-sets.ts";

/** Signatures that whoever verifies cannot make. */
const algorithms = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
];
const clockToleranceSeconds = 30;
/** Longer ones are not looked at. */
const maxTokenChars = 16_384;

export class JwtChecks {
  readonly #keySets: KeySets;
  /** Those that the table itself has. */
  readonly #own = new WeakMap<Jwt, KeySet>();
  readonly #now: () => number;

  /**
   * @param now Unix milliseconds
   * @param shares whether a call may wait for what another has fetched, see KeySets
   */
  constructor(fetcher: typeof fetch, now: () => number, shares = true) {
    this.#keySets = new KeySets(fetcher, now, shares);
    this.#now = now;
  }

  /** Why a call with `fields` may not pass; undefined: it may. Never rejects. */
  async check(jwt: Jwt, fields: Fields): Promise<CallError | undefined> {
    const token = tokenOf(jwt, fields);
    if (token === undefined) return jwt.optional ? undefined : refused("the call has no token");
    if ("why" in token) return refused(token.why);
    if (token.text.length > maxTokenChars) return refused("the token is too long");
    try {
      const claims = await this.#verify(jwt, token.text);
      const missing = jwt.claims.find(({ name, values }) => !holds(claims[name], values));
      return missing && refused(`the token's claim ${missing.name} is not one that the rule allows`);
    } catch (error) {
      return errorOf(error);
    }
  }

  async #verify(jwt: Jwt, token: string): Promise<JWTPayload> {
    const { issuer, audiences, keys } = jwt;
    const options = {
      algorithms,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(this.#now()),
      requiredClaims: ["exp"],
      ...(issuer !== undefined && { issuer }),
      ...(audiences.length > 0 && { audience: [...audiences] }),
    };
    const getKey = "jwks" in keys ? this.#keysOf(jwt, keys.jwks) : this.#issuersKey(keys.uri);
    return (await verifyByAny(token, getKey, options)).payload;
  }

  /** Asks nobody for the sake of what is no token, or is signed in a way that does not count. */
  #issuersKey(uri: string): KeySet {
    return async (header, token) => {
      try {
        return await (
          await this.#keySets.get(uri)
        )(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        // The issuer may have a new key.
        return (await this.#keySets.get(uri, true))(header, token);
      }
    };
  }

  #keysOf(jwt: Jwt, jwks: string): KeySet {
    const known = this.#own.get(jwt);
    if (known !== undefined) return known;
    const keys = createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet);
    this.#own.set(jwt, keys);
    return keys;
  }
}

/** Whether one of `values` is the claim, in its list, or among its words. */
function holds(claim: unknown, values: readonly string[]): boolean {
  if (Array.isArray(claim)) return claim.some((each) => holdsText(each, values));
  return (
    holdsText(claim, values) || (typeof claim === "string" && claim.split(" ").some((word) => values.includes(word)))
  );
}

function holdsText(claim: unknown, values: readonly string[]): boolean {
  const text = typeof claim === "number" || typeof claim === "boolean" ? String(claim) : claim;
  return typeof text === "string" && values.includes(text);
}

function errorOf(error: unknown): CallError {
  if (error instanceof errors.JWTExpired) return refused("the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`the token's claim ${error.claim} is not one that the rule allows`);
  const isToken = error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid);
  if (isToken) return refused("the token is not valid");
  return new CallError(Code.UNAVAILABLE, "the keys of the token's issuer cannot be had", {
    side: "edge",
    cause: error,
  });
}

function refused(message: string): CallError {
  return new CallError(Code.UNAUTHENTICATED, message, { side: "caller", httpStatus: 401 });
}
