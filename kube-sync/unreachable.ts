/** Why an edge cannot be reached, in words that say what to do about it. */

const untrusted =
  "the issuer of its certificate is not trusted: name a file with the CA (PEM) by the variable NODE_EXTRA_CA_CERTS";
const closed = "the connection was closed without an answer; if the edge speaks TLS there, use https://";
const noNetwork = "there is no way to it through the network";

/** By Node's code of the error, which is the same however often it is tried, while its message may not be. */
const ofCodes: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is of a time to come, or this machine's clock is behind",
  ECONNREFUSED: "nothing listens there (ECONNREFUSED)",
  ENOTFOUND: "its name is not known (ENOTFOUND)",
  EAI_AGAIN: "its name cannot be looked up just now (EAI_AGAIN)",
  EHOSTUNREACH: `${noNetwork} (EHOSTUNREACH)`,
  ENETUNREACH: `${noNetwork} (ENETUNREACH)`,
  ETIMEDOUT: "nothing answers there (ETIMEDOUT)",
  EPIPE: closed,
  ECONNRESET: closed,
  UND_ERR_SOCKET: closed,
};

/** By what OpenSSL and Node say of TLS that did not come about; OpenSSL has codes for it in some versions only. */
const ofTls: readonly (readonly [message: RegExp, meaning: string])[] = [
  [
    /wrong version number|packet length too long|record layer failure/,
    "it does not speak TLS: use http://, or the port where it does",
  ],
  [
    /before secure TLS connection/,
    "the connection was closed before TLS began; if the edge does not speak TLS there, use http://",
  ],
  [/alert handshake failure|unrecognized name/, "it refuses TLS for this name: it may have no certificate for it"],
];

/** Undefined unless `error` is one of a connection. */
export function unreachable(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  const { code, message } = error;
  const meaning = ofTls.find(([text]) => text.test(message))?.[1] ?? ofCodes[code];
  if (meaning !== undefined) return meaning;
  if (code.startsWith("HPE_")) return "it does not answer in HTTP/1.1; if it speaks TLS there, use https://";
  // Of a certificate for other names Node's message has them all.
  return message.split("\n", 1)[0] || code;
}
