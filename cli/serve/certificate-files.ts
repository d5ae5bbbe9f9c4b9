/** The certificate of `--tls-cert`, `--tls-key` and `--client-ca`, held to what it has to be before it is used. */
import { createSecureContext } from "node:tls";
import { certificateIn, readCertificateFiles } from "../../worker/host/certificate-files.ts";
import { fileProblem, readText } from "../../worker/host/files.ts";
import type { CertificateAndKey } from "../../worker/host/node-certificates.ts";
import type { CertificateFiles } from "./options.ts";

/** @throws Error in one line that names the option and the file */
export function readCertificate({ chain, key: keyFile, clientCa }: CertificateFiles): CertificateAndKey {
  const { cert, key } = readCertificateFiles(
    { setting: "--tls-cert", file: chain },
    { setting: "--tls-key", file: keyFile },
  );
  const clients = clientCa === undefined ? undefined : { caPem: readText("--client-ca", clientCa), optional: false };
  // OpenSSL takes a file without any, and then refuses every caller.
  if (clients !== undefined) certificateIn({ setting: "--client-ca", file: clientCa! }, clients.caPem);
  try {
    createSecureContext({ cert, key, ...(clients && { ca: clients.caPem }) });
  } catch (cause) {
    const { reason, message } = cause as Error & { readonly reason?: string }; // OpenSSL's
    throw fileProblem("--tls-cert", chain, `it cannot be used: ${reason ?? message}`, cause);
  }
  return { cert, key, clients };
}
