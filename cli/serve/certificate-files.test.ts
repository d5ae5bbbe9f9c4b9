import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCertificate } from "./certificate-files.ts";

let directory: string;
let pair: { readonly cert: string; readonly private: string };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgeway-files-"));
  pair = await generate([{ name: "commonName", value: "a.test" }], { keyType: "ec", algorithm: "sha256" });
  const other = await generate([{ name: "commonName", value: "b.test" }], { keyType: "ec", algorithm: "sha256" });
  const encrypted = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
  }).privateKey;
  const files = {
    "a.crt": pair.cert,
    "a.key": pair.private,
    "both.crt": `a comment\n${pair.cert}\n${other.cert}`,
    "b.key": other.private,
    "encrypted.key": encrypted,
    "damaged.key": pair.private.replace(/\n.{20}/, "\n"),
    "damaged.crt": `${pair.cert}\n${other.cert.replace(/\n.{20}/, "\n")}`,
    "joined.crt": `${pair.cert}-----BEGIN CERTIFICATE-----`,
    "empty.pem": "",
  };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(directory, name), text)));
});
afterAll(() => rm(directory, { recursive: true }));

function read(chain: string, key: string, clientCa?: string) {
  const at = (name: string) => join(directory, name);
  return readCertificate({ chain: at(chain), key: at(key), clientCa: clientCa && at(clientCa) });
}

test("a certificate with its chain, its key and the callers' CA are taken as they are", () => {
  expect(read("a.crt", "a.key")).toEqual({ cert: pair.cert, key: pair.private, clients: undefined });
  expect(read("both.crt", "a.key", "both.crt").clients).toMatchObject({ optional: false });
});

test.each([
  [["nope.pem", "a.key"], "--tls-cert DIR/nope.pem: there is no such file"],
  [[".", "a.key"], "--tls-cert DIR: it is a directory"],
  [["empty.pem", "a.key"], "--tls-cert DIR/empty.pem: there is no certificate in it (PEM)"],
  [["a.key", "a.key"], "--tls-cert DIR/a.key: there is no certificate in it (PEM)"],
  [["damaged.crt", "a.key"], "--tls-cert DIR/damaged.crt: a certificate in it is damaged"],
  [["joined.crt", "a.key"], "--tls-cert DIR/joined.crt: a certificate in it is damaged"],
  [["a.crt", "nope.pem"], "--tls-key DIR/nope.pem: there is no such file"],
  [["a.crt", "a.crt"], "--tls-key DIR/a.crt: there is no private key in it (PEM)"],
  [["a.crt", "damaged.key"], "--tls-key DIR/damaged.key: its key is damaged"],
  [["a.crt", "encrypted.key"], "--tls-key DIR/encrypted.key: it is encrypted; a key without a passphrase is asked for"],
  [["a.crt", "b.key"], "--tls-key DIR/b.key: it is not the key of the first certificate in --tls-cert DIR/a.crt"],
  [["a.crt", "a.key", "nope.pem"], "--client-ca DIR/nope.pem: there is no such file"],
  [["a.crt", "a.key", "empty.pem"], "--client-ca DIR/empty.pem: there is no certificate in it (PEM)"],
])("%j is refused with the option, the file and a reason", (names, message) => {
  const [chain, key, clientCa] = names as [string, string, string?];
  expect(() => read(chain, key, clientCa)).toThrow(new Error(message.replaceAll("DIR", directory)));
});
