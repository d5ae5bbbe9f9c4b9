import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, test } from "vitest";
import { ServiceAccountVerifier } from "./service-account.ts";

test("a token that names no key is held against each of the issuer's that may be the one", async () => {
  const pairs = await Promise.all([generateKeyPair("ES256"), generateKeyPair("ES256")]);
  const keys = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)));
  const now = 1_800_000_000_000;
  const proof = { kind: "serviceAccount", issuer: "i", subject: "s", keys: { keys } } as const;
  const verifier = new ServiceAccountVerifier("east", "edge", proof, () => now, fetch);
  for (const { privateKey } of pairs) {
    const token = await new SignJWT({ iss: "i", sub: "s", aud: "edge" })
      .setProtectedHeader({ alg: "ES256" })
      .setExpirationTime(now / 1_000 + 60)
      .sign(privateKey);
    expect(await verifier.verify(token)).toMatchObject({ cluster: "east" });
  }
});
