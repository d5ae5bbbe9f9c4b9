/** The certificate of `--tls-cert`, `--tls-key` and `--client-ca`, held to what it has to be before it is used. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CertificateAndKey } from "../../worker/host/node-certificates.ts";
import { fileProblem, readText } from "./files.ts";
import type { CertificateFiles } from "./options.ts";

/** @throws Error in one line that names the option and the file */
export function readCertificate({ chain, key, clientCa }: CertificateFiles): CertificateAndKey {
  const cert = readText("--tls-cert", chain);
  const own = certificateIn("--tls-cert", chain, cert);
  const keyPem = readText("--tls-key", key);
  if (!own.checkPrivateKey(keyIn(key, keyPem)))
    throw fileProblem("--tls-key", key, `it is not the key of the first certificate in --tls-cert ${chain}`);
  const clients = clientCa === undefined ? undefined : { caPem: readText("--client-ca", clientCa), optional: false };
  // OpenSSL takes a file without any, and then refuses every caller.
  if (clients !== undefined) certificateIn("--client-ca", clientCa!, clients.caPem);
  try {
    createSecureContext({ cert, key: keyPem, ...(clients && { ca: clients.caPem }) });
  } catch (cause) {
    const { reason, message } = cause as Error & { readonly reason?: string }; // OpenSSL's
    throw fileProblem("--tls-cert", chain, `it cannot be used: ${reason ?? message}`, cause);
  }
  return { cert, key: keyPem, clients };
}

/** The first of the file, which all others are to be like. */
function certificateIn(option: string, file: string, pem: string): X509Certificate {
  const blocks = pem.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*/g);
  if (blocks === null) throw fileProblem(option, file, "there is no certificate in it (PEM)");
  try {
    return blocks.map((block) => new X509Certificate(`${block}-----END CERTIFICATE-----\n`))[0]!;
  } catch (cause) {
    throw fileProblem(option, file, "a certificate in it is damaged", cause);
  }
}

function keyIn(file: string, pem: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw fileProblem("--tls-key", file, "there is no private key in it (PEM)");
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isEncrypted = pem.includes("ENCRYPTED"); // PKCS #8 (RFC 7468 section 11), or the older form's Proc-Type
    const reason = isEncrypted ? "it is encrypted; a key without a passphrase is asked for" : "its key is damaged";
    throw fileProblem("--tls-key", file, reason, cause);
  }
}
