/** The certificates of TLS listeners. */
import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { hostOf } from "../../routes/request.ts";

export interface Certificate {
  /** Exact, or with "*" for the first labels. Empty: any. */
  readonly hostnames: readonly string[];
  /** The certificate, followed by its intermediates. */
  readonly chainPem: string;
  readonly keyPem: string;
  /** Whose certificates callers must have, PEM. Undefined: they need none. */
  readonly clients?: ClientCertificates | undefined;
}

/** Who may call (RFC 8446 section 4.3.2). */
export interface ClientCertificates {
  readonly caPem: string;
  /** Whether callers without a certificate may, too. */
  readonly optional: boolean;
}

/** A certificate and its key, PEM. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
  readonly clients?: ClientCertificates | undefined;
}

/** What a name is served with. */
interface Identity {
  readonly context: SecureContext;
  readonly clients: ClientCertificates | undefined;
}

/** A TLS listener, as far as it is concerned. */
export interface TlsListener {
  setSecureContext(options: SecureContextOptions): void;
  /** Whether callers are asked for their certificates. Node reads it for each connection, and documents it nowhere. */
  requestCert?: boolean;
}

const any = "*";

/** Certificates chosen by the name that the caller asks for (SNI, RFC 6066 section 3). */
export class Certificates {
  #fallback: CertificateAndKey | undefined;
  #fallbackIdentity: Identity | undefined;
  #byHostname: ReadonlyMap<string, Identity> = new Map();
  /** Of those that were set, the one for every name. */
  #forAny: CertificateAndKey | undefined;
  #askClients = false;
  readonly #listeners = new Set<TlsListener>();

  /** `fallback` is for names that no certificate is for; without it their callers are refused. */
  constructor(fallback?: CertificateAndKey) {
    if (fallback !== undefined) this.setFallback(fallback);
  }

  /**
   * Puts `fallback` in the place of the one before, for connections to come.
   *
   * @throws Error if it cannot be used; then nothing has changed
   */
  setFallback(fallback: CertificateAndKey): void {
    this.#fallbackIdentity = identityOf(fallback);
    this.#fallback = fallback;
    this.#changed();
  }

  /** Whether any name asks its callers for their certificates. */
  get askClients(): boolean {
    return this.#askClients;
  }

  /** Puts these in the place of all before, for connections to come. Returns a line for each that cannot be used. */
  set(certificates: readonly Certificate[]): string[] {
    const problems: string[] = [];
    const byHostname = new Map<string, Identity>();
    this.#forAny = undefined;
    for (const { hostnames, chainPem, keyPem, clients } of certificates) {
      try {
        const own = { cert: chainPem, key: keyPem, clients };
        const identity = identityOf(own);
        for (const hostname of hostnames) byHostname.set(hostname.toLowerCase(), identity);
        if (hostnames.length > 0) continue;
        byHostname.set(any, identity);
        this.#forAny = own;
      } catch (error) {
        const names = hostnames.join(", ") || "any hostname";
        problems.push(`the certificate for ${names} cannot be used: ${(error as Error).message}`);
      }
    }
    this.#byHostname = byHostname;
    this.#changed();
    return problems;
  }

  #changed(): void {
    const identities = [...this.#byHostname.values(), this.#fallbackIdentity];
    this.#askClients = identities.some((identity) => identity?.clients !== undefined);
    for (const listener of this.#listeners) this.#setDefault(listener);
  }

  /**
   * The exact name comes before its wildcards, the longest first, then one for any name, then the fallback. Undefined if
   * there is none.
   */
  choose(serverName: string): SecureContext | undefined {
    return this.#identityOf(serverName)?.context;
  }

  /** Who may call `authority`, a name with or without a port; undefined: everyone. */
  clientsOf(authority: string): ClientCertificates | undefined {
    return this.#identityOf(authority)?.clients;
  }

  /** Reads names, and has wildcards stand for them, as routing does (routes/match.ts): else one would pass for another. */
  #identityOf(authority: string): Identity | undefined {
    const name = hostOf(authority);
    const chosen = this.#byHostname;
    let own = chosen.get(name);
    for (let dot = name.indexOf(".", 1); own === undefined && dot > 0; dot = name.indexOf(".", dot + 1)) {
      own = chosen.get(`*${name.slice(dot)}`);
    }
    return own ?? chosen.get(any) ?? this.#fallbackIdentity;
  }

  /** Serves callers of `listener` who name nobody, now and after changes, until the returned function is called. */
  attach(listener: TlsListener): () => void {
    this.#listeners.add(listener);
    this.#setDefault(listener);
    return () => this.#listeners.delete(listener);
  }

  #setDefault(listener: TlsListener): void {
    listener.requestCert = this.#askClients;
    const own = this.#forAny ?? this.#fallback;
    listener.setSecureContext({
      ...(own && contextOptions(own)),
      // A session that is resumed by TLS 1.2 does not tell its name, by whose CA its caller was let in: none is handed out.
      ...(this.#askClients && { secureOptions: constants.SSL_OP_NO_TICKET }),
    });
  }
}

function identityOf(own: CertificateAndKey): Identity {
  return { context: createSecureContext(contextOptions(own)), clients: own.clients };
}

function contextOptions({ cert, key, clients }: CertificateAndKey): SecureContextOptions {
  return { cert, key, ...(clients && { ca: clients.caPem }) };
}
