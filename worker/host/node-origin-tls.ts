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
import { hints } from "./origin-hints.ts";

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

/** An error of TLS as Node has it; those of OpenSSL have the last two. */
interface TlsError extends Error {
  readonly code?: string;
  readonly library?: string;
  readonly reason?: string;
}

/** What is wrong with an origin's TLS, in words that say what to do about it. Other errors are left as they are. */
export function explainTlsError(error: TlsError): Error {
  const { code = "", library, reason, message } = error;
  // OpenSSL's messages have a thread, a source file and a line feed in them; Node's own have its advice after a semicolon.
  const own = library !== undefined && reason !== undefined;
  const what = own ? reason : message.split(";", 1)[0];
  const hint = own ? ofReasons.find(([text]) => reason.endsWith(text))?.[1] : ofCodes[code];
  if (hint === undefined && !own) return error;
  return new Error(`TLS: ${what}${hint === undefined ? "" : `: ${hint}`}`, { cause: error });
}

/** By what Node finds in a certificate. */
const ofCodes: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: hints.untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: hints.untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: hints.untrusted,
  UNABLE_TO_GET_ISSUER_CERT: hints.untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: hints.untrusted,
  CERT_HAS_EXPIRED: hints.expired,
  CERT_NOT_YET_VALID: hints.notYet,
  ERR_TLS_CERT_ALTNAME_INVALID: hints.name,
};

/** By how OpenSSL's reasons end: what stands before it differs from version to version. */
const ofReasons: readonly (readonly [reason: string, hint: string])[] = [
  ["alert certificate required", hints.wantsClient],
  ["alert handshake failure", hints.mayWantClient],
  ["alert unknown ca", hints.strangeClient],
  ["alert bad certificate", hints.badClient],
  ["alert protocol version", hints.version],
  ["unsupported protocol", hints.version],
  ["wrong version number", hints.noTls],
  ["alert no application protocol", hints.noHttp2],
];
