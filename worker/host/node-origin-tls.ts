/** What Node's TLS asks of an origin: whose certificates it trusts, for which name, and who the edge says it is. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  checkServerIdentity,
  type ConnectionOptions,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
} from "node:tls";
import type { OriginTls } from "../../routes/policies.ts";

/** Equal policies are one object within a table, so that PEM is read once for a table and not for a connection. */
const contexts = new WeakMap<OriginTls, SecureContext>();

/**
 * Options for a connection to `host`.
 *
 * @throws Error in one line if a certificate or a key cannot be read
 */
export function originTlsOptions(host: string, tls: OriginTls | undefined): ConnectionOptions {
  const name = tls?.serverName ?? host;
  const serverName = isIP(name) === 0 && { servername: name };
  if (tls === undefined) return { ...serverName };
  const identity = tls.subjectAltNames.length === 0 ? name : tls.subjectAltNames;
  return {
    ...serverName,
    secureContext: contextOf(tls),
    rejectUnauthorized: !tls.insecure,
    checkServerIdentity: (_, certificate) => checkIdentity(identity, certificate),
  };
}

function contextOf(tls: OriginTls): SecureContext {
  const known = contexts.get(tls);
  if (known !== undefined) return known;
  const { ca, client } = tls;
  try {
    if (ca !== undefined) void new X509Certificate(ca); // which createSecureContext does not look at
    const context = createSecureContext({
      minVersion: "TLSv1.2",
      ...(ca !== undefined && { ca }),
      ...(client && { cert: client.certificate, key: client.key }),
    });
    contexts.set(tls, context);
    return context;
  } catch (cause) {
    const what = client === undefined ? "CA certificates" : "CA certificates, or client certificate and key,";
    throw new Error(`TLS: the backend's ${what} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** RFC 9525: for the name, or for one of those that the policy names instead, URIs (SPIFFE) among them. */
function checkIdentity(identity: string | readonly string[], certificate: PeerCertificate): Error | undefined {
  if (typeof identity === "string") return checkServerIdentity(identity, certificate);
  const own = certificate.subjectaltname ?? "";
  const uris = new Set(own.split(", ").flatMap((entry) => (entry.startsWith("URI:") ? [entry.slice(4)] : [])));
  const good = identity.some((name) => uris.has(name) || checkServerIdentity(name, certificate) === undefined);
  return good ? undefined : new Error(`its certificate is for ${own || "no name"}, not for ${identity.join(" or ")}`);
}

/** What is wrong with an origin's TLS, in words that say what to do about it. */
export function explainTlsError(error: Error & { readonly code?: string }): Error {
  const hint = hints[error.code ?? ""];
  // Without Node's own advice, which follows a semicolon.
  const [what] = error.message.split(";", 1);
  return hint === undefined ? error : new Error(`TLS: ${what}: ${hint}`, { cause: error });
}

const untrusted = "its issuer is not trusted; name the CA in a BackendTLSPolicy or by edgeway.dev/ca-configmap";

const hints: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: "the origin's certificate has to be renewed",
  CERT_NOT_YET_VALID: "the origin's certificate, or a clock, is ahead of time",
  ERR_TLS_CERT_ALTNAME_INVALID: "set the hostname of its BackendTLSPolicy, or edgeway.dev/server-name",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the origin wants a client certificate",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "the origin refused the handshake; it may want a client certificate",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the origin does not trust the issuer of the edge's client certificate",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the origin refuses the edge's client certificate",
  ERR_SSL_WRONG_VERSION_NUMBER: "the origin does not speak TLS on this port",
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: "the origin does not offer HTTP/2 (ALPN)",
};
