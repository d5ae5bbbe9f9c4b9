/** The certificates of TLS listeners. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";

export interface Certificate {
  /** Exact, or with "*" for the first label. Empty: any. */
  readonly hostnames: readonly string[];
  /** The certificate, followed by its intermediates. */
  readonly chainPem: string;
  readonly keyPem: string;
}

/** A certificate and its key, PEM. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/** A TLS listener, as far as it is concerned. */
export interface TlsListener {
  setSecureContext(options: SecureContextOptions): void;
}

const any = "*";

/** Certificates chosen by the name that the caller asks for (SNI, RFC 6066 section 3). */
export class Certificates {
  readonly #fallback: CertificateAndKey | undefined;
  readonly #fallbackContext: SecureContext | undefined;
  #byHostname: ReadonlyMap<string, SecureContext> = new Map();
  #forAny: CertificateAndKey | undefined;
  readonly #listeners = new Set<TlsListener>();

  /** `fallback` is for names that no certificate is for; without it their callers are refused. */
  constructor(fallback?: CertificateAndKey) {
    this.#fallback = fallback;
    this.#fallbackContext = fallback && createSecureContext(fallback);
    this.#forAny = fallback;
  }

  /** Puts these in the place of all before, for connections to come. Returns a line for each that cannot be used. */
  set(certificates: readonly Certificate[]): string[] {
    const problems: string[] = [];
    const byHostname = new Map<string, SecureContext>();
    this.#forAny = this.#fallback;
    for (const { hostnames, chainPem, keyPem } of certificates) {
      try {
        const context = createSecureContext({ cert: chainPem, key: keyPem });
        for (const hostname of hostnames) byHostname.set(hostname.toLowerCase(), context);
        if (hostnames.length > 0) continue;
        byHostname.set(any, context);
        this.#forAny = { cert: chainPem, key: keyPem };
      } catch (error) {
        const names = hostnames.join(", ") || "any hostname";
        problems.push(`the certificate for ${names} cannot be used: ${(error as Error).message}`);
      }
    }
    this.#byHostname = byHostname;
    for (const listener of this.#listeners) this.#setDefault(listener);
    return problems;
  }

  /**
   * The exact name comes before a wildcard for its first label, then one for any name, then the fallback. Undefined if
   * there is none.
   */
  choose(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    const wildcard = `*${name.slice(name.indexOf("."))}`;
    const chosen = this.#byHostname;
    return chosen.get(name) ?? chosen.get(wildcard) ?? chosen.get(any) ?? this.#fallbackContext;
  }

  /** Serves callers of `listener` who name nobody, now and after changes, until the returned function is called. */
  attach(listener: TlsListener): () => void {
    this.#listeners.add(listener);
    this.#setDefault(listener);
    return () => this.#listeners.delete(listener);
  }

  #setDefault(listener: TlsListener): void {
    listener.setSecureContext({ ...this.#forAny });
  }
}
