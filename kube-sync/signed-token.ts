/** Tokens by which an agent proves itself with a key pair: one for each request, made for its body. */
import { createHash, createPrivateKey, type KeyObject, randomUUID } from "node:crypto";
import { SignJWT } from "jose";

export interface SigningOptions {
  /** As the edge knows it. */
  readonly cluster: string;
  readonly audience: string;
  /** PEM: Ed25519, or P-256. */
  readonly privateKey: string;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** For as long as a request may be on its way, and clocks apart. The edge takes five minutes at most. */
const lifetimeSeconds = 60;

/**
 * Makes a token for a request with this body, before compression.
 *
 * @throws Error in one line if the key cannot be used
 */
export function signedTokens({ cluster, audience, privateKey, now }: SigningOptions) {
  const key = readKey(privateKey);
  const alg = key.asymmetricKeyType === "ed25519" ? "EdDSA" : "ES256";
  return (body: Uint8Array): Promise<string> => {
    const issued = Math.floor(now() / 1000);
    return new SignJWT({ body: createHash("sha256").update(body).digest("base64url") })
      .setProtectedHeader({ alg })
      .setIssuer(cluster)
      .setSubject(cluster)
      .setAudience(audience)
      .setIssuedAt(issued)
      .setExpirationTime(issued + lifetimeSeconds)
      .setJti(randomUUID())
      .sign(key);
  };
}

function readKey(pem: string): KeyObject {
  const key = createPrivateKey(pem);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ed25519" || (type === "ec" && details?.namedCurve === "prime256v1")) return key;
  throw new Error("the key must be one of Ed25519 or P-256");
}
