/** A certificate and its key in files that settings name, held to what they have to be before they are used. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { fileProblem, readText } from "./files.ts";

/** A file, and the setting that names it. */
export interface NamedFile {
  readonly setting: string;
  readonly file: string;
}

/**
 * The certificate with its chain, and its key, in PEM.
 *
 * @throws Error in one line that names the setting and the file
 */
export function readCertificateFiles(chain: NamedFile, keyFile: NamedFile): { cert: string; key: string } {
  const cert = readText(chain.setting, chain.file);
  const own = certificateIn(chain, cert);
  const key = readText(keyFile.setting, keyFile.file);
  if (own.checkPrivateKey(keyIn(keyFile, key))) return { cert, key };
  const reason = `it is not the key of the first certificate in ${chain.setting} ${chain.file}`;
  throw fileProblem(keyFile.setting, keyFile.file, reason);
}

/**
 * The first of the file, which all others are to be like.
 *
 * @throws Error in one line that names the setting and the file
 */
export function certificateIn({ setting, file }: NamedFile, pem: string): X509Certificate {
  const blocks = pem.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*/g);
  if (blocks === null) throw fileProblem(setting, file, "there is no certificate in it (PEM)");
  try {
    return blocks.map((block) => new X509Certificate(`${block}-----END CERTIFICATE-----\n`))[0]!;
  } catch (cause) {
    throw fileProblem(setting, file, "a certificate in it is damaged", cause);
  }
}

function keyIn({ setting, file }: NamedFile, pem: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw fileProblem(setting, file, "there is no private key in it (PEM)");
  // PKCS #8 (RFC 7468 section 11), or the older form's Proc-Type. Deno would ask its terminal for the passphrase.
  if (pem.includes("ENCRYPTED"))
    throw fileProblem(setting, file, "it is encrypted; a key without a passphrase is asked for");
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw fileProblem(setting, file, "its key is damaged", cause);
  }
}
