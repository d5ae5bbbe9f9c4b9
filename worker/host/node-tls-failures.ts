/** Why callers' TLS handshakes fail: in a few words, so that nobody can make up more. */

const reasons = [
  /** There is none for the name that the caller asks for. */
  "no_certificate",
  /** The caller does not take the one that there is. */
  "certificate_refused",
  /** The caller's own is missing, or does not count. */
  "client_certificate",
  "no_common_version",
  "no_common_cipher",
  "no_common_protocol",
  "not_tls",
  "timeout",
  /** The caller left, as those do that look only whether the port is open. */
  "left",
  "other",
] as const;

export type TlsFailure = (typeof reasons)[number];
export type TlsFailures = Record<TlsFailure, number>;

export function newTlsFailures(): TlsFailures {
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as TlsFailures;
}

/** By OpenSSL's reasons, as Node spells them. */
const byCode: ReadonlyMap<string | undefined, TlsFailure> = new Map([
  ["ERR_SSL_NO_SHARED_CIPHER", "no_common_cipher"],
  ["ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM", "no_common_cipher"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "no_common_version"],
  ["ERR_SSL_VERSION_TOO_LOW", "no_common_version"],
  ["ERR_SSL_NO_APPLICATION_PROTOCOL", "no_common_protocol"],
  ["ERR_SSL_HTTP_REQUEST", "not_tls"],
  ["ERR_SSL_HTTPS_PROXY_REQUEST", "not_tls"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "not_tls"],
  ["ERR_SSL_UNEXPECTED_MESSAGE", "not_tls"],
  ["ERR_TLS_HANDSHAKE_TIMEOUT", "timeout"],
  ["ECONNRESET", "left"],
  ["EPIPE", "left"],
]);

/** @param hasCertificate whether there is one for the name that the caller asks for */
export function tlsFailureOf(code: string | undefined, hasCertificate: boolean): TlsFailure {
  const failure = byCode.get(code);
  if (failure === "no_common_cipher" && !hasCertificate) return "no_certificate";
  if (failure !== undefined) return failure;
  // What a caller says of the certificate, such as ERR_SSL_TLSV1_ALERT_UNKNOWN_CA (RFC 8446 section 6.2).
  return /_ALERT_.*(CERTIFICATE|UNKNOWN_CA)/.test(code ?? "") ? "certificate_refused" : "other";
}
