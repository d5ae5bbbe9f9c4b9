/** What is common to verifying the tokens of clusters. */
import { errors, type JWTPayload, type JWTVerifyResult } from "jose";
import { Refused } from "./refused.ts";

/** Of clocks against each other. */
export const clockToleranceSeconds = 30;

/**
 * The verified claims.
 *
 * @throws Refused in words that tell nothing of the keys
 */
export async function claimsOf(verified: Promise<JWTVerifyResult>): Promise<JWTPayload> {
  try {
    return (await verified).payload;
  } catch (error) {
    throw refusalOf(error);
  }
}

/** What fetching keys ends with when it fails. */
const unavailable: ReadonlySet<string> = new Set([
  errors.JWKSTimeout.code,
  errors.JWKSInvalid.code,
  errors.JOSEError.code,
]);

function refusalOf(error: unknown): Refused {
  if (error instanceof Refused) return error;
  if (error instanceof errors.JWTExpired) return new Refused("expired", "the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    if (reason === "missing") return new Refused("unauthenticated", `the token has no ${claim}`);
    if (claim === "iat" || claim === "nbf" || claim === "exp")
      return new Refused("expired", `the token's ${claim} is not of now`);
    const refused = new Refused("unknown", `the token's ${claim} is not the one of a cluster that this edge knows`);
    refused.got = JSON.stringify(error.payload[claim]);
    return refused;
  }
  if (!(error instanceof errors.JOSEError) || unavailable.has(error.code))
    return new Refused("unavailable", "the keys of the token's issuer cannot be had");
  return new Refused("forged", "the token is not signed by the key of a cluster that this edge knows");
}
