import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { parseClusters } from "./clusters.ts";

const publicKey = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
const east = {
  name: "east",
  audience: "edge",
  issuer: "https://issuer.test",
  subject: "system:serviceaccount:edgeway:kube-sync",
  hostnames: ["*.east.test"],
};
const west = { name: "west", audience: "edge", publicKey, hostnames: ["*"] };

test("a cluster has a ServiceAccount or a key pair", () => {
  expect(parseClusters(JSON.stringify([east, west]))).toEqual([
    {
      name: "east",
      audience: "edge",
      hostnames: ["*.east.test"],
      proof: { kind: "serviceAccount", issuer: east.issuer, subject: east.subject, keys: undefined },
    },
    { name: "west", audience: "edge", hostnames: ["*"], proof: { kind: "keyPair", publicKey } },
  ]);
});

test("an issuer's keys are given, or where they are", () => {
  const keysOf = (more: object) => parseClusters(JSON.stringify([{ ...east, ...more }]))[0]?.proof;
  expect(keysOf({ jwks: { keys: [] } })).toMatchObject({ keys: { keys: [] } });
  expect(keysOf({ issuer: "kubernetes/serviceaccount", jwks: { keys: [] } })).toMatchObject({ keys: { keys: [] } });
  expect(keysOf({ jwksUri: "https://keys.test/jwks" })).toMatchObject({ keys: new URL("https://keys.test/jwks") });
});

test.each<[object | string, string]>([
  ["[", "clusters: must be JSON: Unexpected end of JSON input"],
  ['[\n  {"name": "east",}\n]', "in JSON at position 20 (line 2 column 19)"],
  [{}, "clusters: must be a list"],
  [[1], "clusters[0]: must be an object"],
  [[east, { ...west, name: "east" }], 'clusters[1].name: "east" is another\'s too'],
  [[{ ...east, name: "East" }], "clusters[0].name: must be a lower-case DNS name"],
  [[{ ...east, audience: "" }], "clusters[0].audience: must be set to a text"],
  [[{ ...east, subject: "me" }], 'clusters[0].subject: must be "system:serviceaccount:NAMESPACE:NAME"'],
  [[{ ...east, issuer: "me" }], "clusters[0].jwks: must be set, since the issuer is no URL"],
  [[{ ...east, jwks: [] }], "clusters[0].jwks: must be a JSON Web Key Set"],
  [[{ ...east, jwks: { keys: [1] } }], "clusters[0].jwks: must be a JSON Web Key Set"],
  [[{ ...east, jwksUri: "http://keys.test" }], "clusters[0].jwksUri: must be an HTTPS URL"],
  [[{ ...east, hostnames: "*" }], 'clusters[0].hostnames: must be a list of host names, or ["*"] for all'],
  [[{ ...east, hostnames: ["a", "-"] }], "clusters[0].hostnames[1]: must be a lower-case host name"],
  [[{ ...east, hostname: [] }], "clusters[0].hostname: is no field of it"],
  [[{ ...west, issuer: "i" }], "clusters[0].issuer: is no field of it"],
  [[{ ...west, publicKey: "AAAA" }], "clusters[0].publicKey: must be a public key in PEM"],
  [[{ ...west, publicKey: { kty: "OKP", d: "AAAA" } }], "clusters[0].publicKey: must be a public key in PEM"],
])("%j is refused in one line", (config, message) => {
  expect(() => parseClusters(typeof config === "string" ? config : JSON.stringify(config))).toThrow(message);
});
