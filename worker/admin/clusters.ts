/** Which clusters may push, how their agents prove themselves, and which hostnames each may claim. */
import type { JSONWebKeySet, JWK } from "jose";
import { forms } from "../../routes/syntax.ts";

export interface Cluster {
  readonly name: string;
  /** Whom tokens must be for. */
  readonly audience: string;
  readonly proof: ServiceAccountProof | KeyPairProof;
  /** "a.example.com", "*.example.com" for one or more labels below, or "*" for every name. */
  readonly hostnames: readonly string[];
}

/** A token that Kubernetes mounts into the agent's pod. */
export interface ServiceAccountProof {
  readonly kind: "serviceAccount";
  readonly issuer: string;
  /** "system:serviceaccount:NAMESPACE:NAME". */
  readonly subject: string;
  /** The issuer's keys, or where they are; undefined: where the issuer says (OpenID Connect Discovery 1.0 section 4). */
  readonly keys: JSONWebKeySet | URL | undefined;
}

/** Tokens that the agent signs itself. */
export interface KeyPairProof {
  readonly kind: "keyPair";
  /** SPKI in PEM, or a JSON Web Key: Ed25519, or P-256. */
  readonly publicKey: string | JWK;
}

/**
 * Reads the configuration, a JSON list of
 * `{name, audience, hostnames, issuer, subject, jwks | jwksUri | neither}` or `{name, audience, hostnames, publicKey}`.
 *
 * @throws Error in one line that says what is wrong where
 */
export function parseClusters(text: string): readonly Cluster[] {
  const entries = parseJson(text);
  if (!Array.isArray(entries)) throw new Error("clusters: must be a list");
  const names = new Set<string>();
  return entries.map((entry: unknown, index) => {
    const cluster = new Entry(entry, `clusters[${index}]`).cluster();
    if (names.has(cluster.name)) throw new Error(`clusters[${index}].name: "${cluster.name}" is another's too`);
    names.add(cluster.name);
    return cluster;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = (cause as Error).message.replaceAll(/\s+/g, " ").slice(0, 200);
    throw new Error(`clusters: must be JSON: ${reason}`, { cause });
  }
}

const fieldsOfAll = ["name", "audience", "hostnames"];
const fieldsOfServiceAccounts = [...fieldsOfAll, "issuer", "subject", "jwks", "jwksUri"];
const fieldsOfKeyPairs = [...fieldsOfAll, "publicKey"];

class Entry {
  readonly #at: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(value: unknown, at: string) {
    if (!isObject(value)) throw new Error(`${at}: must be an object`);
    this.#at = at;
    this.#fields = value;
  }

  cluster(): Cluster {
    const keyPair = this.#fields["publicKey"] !== undefined;
    const known = keyPair ? fieldsOfKeyPairs : fieldsOfServiceAccounts;
    for (const field of Object.keys(this.#fields)) if (!known.includes(field)) this.#wrong(field, "is no field of it");
    const name = this.#text("name");
    if (!forms.name.holds(name)) this.#wrong("name", `must be ${forms.name.says}`);
    return {
      name,
      audience: this.#text("audience"),
      proof: keyPair ? { kind: "keyPair", publicKey: this.#publicKey() } : this.#serviceAccount(),
      hostnames: this.#hostnames(),
    };
  }

  #serviceAccount(): ServiceAccountProof {
    const subject = this.#text("subject");
    if (!/^system:serviceaccount:[^:]+:[^:]+$/.test(subject))
      this.#wrong("subject", 'must be "system:serviceaccount:NAMESPACE:NAME"');
    return { kind: "serviceAccount", issuer: this.#text("issuer"), subject, keys: this.#keys() };
  }

  #keys(): ServiceAccountProof["keys"] {
    const { jwks, jwksUri } = this.#fields;
    if (jwks !== undefined && jwksUri !== undefined) this.#wrong("jwksUri", "must not be set beside jwks");
    if (jwks !== undefined) return isKeySet(jwks) ? jwks : this.#wrong("jwks", "must be a JSON Web Key Set");
    if (jwksUri === undefined && !isHttpUrl(this.#text("issuer")))
      this.#wrong("jwks", "must be set, since the issuer is no URL");
    if (jwksUri === undefined) return undefined;
    const uri = this.#text("jwksUri");
    return isHttpUrl(uri) ? new URL(uri) : this.#wrong("jwksUri", "must be an HTTPS URL");
  }

  #publicKey(): KeyPairProof["publicKey"] {
    const { publicKey } = this.#fields;
    if (typeof publicKey === "string" && publicKey.includes("-----BEGIN PUBLIC KEY-----")) return publicKey;
    if (isObject(publicKey) && typeof publicKey["kty"] === "string" && publicKey["d"] === undefined) return publicKey;
    return this.#wrong("publicKey", "must be a public key in PEM, or a JSON Web Key");
  }

  #hostnames(): readonly string[] {
    const { hostnames } = this.#fields;
    if (!Array.isArray(hostnames)) return this.#wrong("hostnames", 'must be a list of host names, or ["*"] for all');
    return hostnames.map((hostname: unknown, index) => {
      const holds = typeof hostname === "string" && (hostname === "*" || forms.hostname.holds(hostname));
      return holds ? hostname : this.#wrong(`hostnames[${index}]`, `must be ${forms.hostname.says}, or "*"`);
    });
  }

  #text(field: string): string {
    const value = this.#fields[field];
    return typeof value === "string" && value !== "" ? value : this.#wrong(field, "must be set to a text");
  }

  #wrong(field: string, reason: string): never {
    throw new Error(`${this.#at}.${field}: ${reason}`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 7517 section 5. */
function isKeySet(value: unknown): value is JSONWebKeySet {
  return isObject(value) && Array.isArray(value["keys"]) && value["keys"].every(isObject);
}

/** Keys come over TLS, except on one machine. */
function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname));
}
