import { createSecureContext, type SecureContext } from "node:tls";
import { generate } from "selfsigned";

export interface Certificate {
  /** Exact, or with "*" for the first label. Empty: any. */
  readonly hostnames: readonly string[];
  /** The certificate, followed by its intermediates. */
  readonly chainPem: string;
  readonly keyPem: string;
}

const any = "*";

/** The certificates of a TLS listener, chosen by the name that the caller asks for (SNI, RFC 6066 section 3). */
export class Certificates {
  readonly #fallback: SecureContext;
  #byHostname: ReadonlyMap<string, SecureContext> = new Map();

  constructor(fallback: SecureContext) {
    this.#fallback = fallback;
  }

  /** Puts these in the place of all before. Returns a line for each that cannot be used. */
  set(certificates: readonly Certificate[]): string[] {
    const problems: string[] = [];
    const byHostname = new Map<string, SecureContext>();
    for (const { hostnames, chainPem, keyPem } of certificates) {
      try {
        const context = createSecureContext({ cert: chainPem, key: keyPem });
        for (const hostname of hostnames.length > 0 ? hostnames : [any])
          byHostname.set(hostname.toLowerCase(), context);
      } catch (error) {
        const names = hostnames.join(", ") || "any hostname";
        problems.push(`the certificate for ${names} cannot be used: ${(error as Error).message}`);
      }
    }
    this.#byHostname = byHostname;
    return problems;
  }

  /** The exact name comes before a wildcard for its first label, then one for any name, then the self-signed one. */
  choose(serverName: string): SecureContext {
    const name = serverName.toLowerCase();
    const wildcard = `*${name.slice(name.indexOf("."))}`;
    const chosen = this.#byHostname;
    return chosen.get(name) ?? chosen.get(wildcard) ?? chosen.get(any) ?? this.#fallback;
  }
}

const dayMs = 24 * 60 * 60 * 1000;

/** Makes a certificate for localhost that nobody vouches for. */
export async function selfSigned(): Promise<{ cert: string; key: string }> {
  const now = Date.now();
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(now - dayMs),
    notAfterDate: new Date(now + 365 * dayMs),
    extensions: [
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
