/** JSON Web Key Sets of issuers (RFC 7517), fetched where they are needed and kept for a while. */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

export type KeySet = JWTVerifyGetKey;

/** Milliseconds for which keys are taken from memory. */
const freshMs = 600_000;
/** Milliseconds in which keys that a token does not find are not fetched again: anybody can send such tokens. */
const cooldownMs = 30_000;
/** Milliseconds after a failed fetch in which nobody waits for another. */
const pauseMs = 5_000;
const fetchMs = 5_000;
const maxBytes = 65_536;
/** Issuers kept: tables come and go. */
const maxSets = 100;

interface Issuer {
  keys: KeySet | undefined;
  fetchedAt: number;
  /** Of the last fetch, if it failed. */
  failure: unknown;
  failedAt: number;
  /** The fetch under way, where calls may wait for another's. */
  fetching: Promise<KeySet> | undefined;
}

export class KeySets {
  readonly #issuers = new Map<string, Issuer>();
  readonly #fetch: typeof fetch;
  readonly #now: () => number;
  readonly #shares: boolean;

  /**
   * @param now milliseconds
   * @param shares whether one may wait for what another fetches: on Workers nobody can wait for another's request
   */
  constructor(fetcher: typeof fetch, now: () => number, shares: boolean) {
    this.#fetch = fetcher;
    this.#now = now;
    this.#shares = shares;
  }

  /**
   * The keys at `uri`. An issuer that is away does not make its tokens worthless: the keys at hand go on counting.
   *
   * @param newer not those at hand, unless they were fetched just now: a token names a key that they do not have
   * @throws Error if they cannot be had
   */
  async get(uri: string, newer = false): Promise<KeySet> {
    const issuer = this.#issuerAt(uri);
    const { keys } = issuer;
    const now = this.#now();
    if (keys !== undefined && now - issuer.fetchedAt < (newer ? cooldownMs : freshMs)) return keys;
    if (now - issuer.failedAt >= pauseMs) {
      // Once it has failed one call tries again, and the others do not wait for that.
      if (issuer.failure !== undefined) issuer.failedAt = now;
      try {
        return await this.#load(uri, issuer);
      } catch (error) {
        issuer.failure = error;
        issuer.failedAt = this.#now();
      }
    }
    if (keys !== undefined && !newer) return keys;
    throw issuer.failure;
  }

  #issuerAt(uri: string): Issuer {
    const known = this.#issuers.get(uri);
    if (known !== undefined) return known;
    const [oldest] = this.#issuers.keys();
    if (this.#issuers.size >= maxSets && oldest !== undefined) this.#issuers.delete(oldest);
    const never = Number.NEGATIVE_INFINITY;
    const issuer = { keys: undefined, fetchedAt: never, failure: undefined, failedAt: never, fetching: undefined };
    this.#issuers.set(uri, issuer);
    return issuer;
  }

  #load(uri: string, issuer: Issuer): Promise<KeySet> {
    if (!this.#shares) return this.#fetchKeys(uri, issuer);
    return (issuer.fetching ??= this.#fetchKeys(uri, issuer).finally(() => (issuer.fetching = undefined)));
  }

  async #fetchKeys(uri: string, issuer: Issuer): Promise<KeySet> {
    const fetcher = this.#fetch;
    const response = await fetcher(uri, {
      headers: { accept: "application/jwk-set+json, application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(fetchMs),
    });
    if (!response.ok) throw new Error(`${uri} answers ${response.status}`);
    const keys = createLocalJWKSet(JSON.parse(await textOf(response)) as JSONWebKeySet);
    Object.assign(issuer, { keys, fetchedAt: this.#now(), failure: undefined, failedAt: Number.NEGATIVE_INFINITY });
    return keys;
  }
}

/** @throws Error if it is longer than keys are */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
