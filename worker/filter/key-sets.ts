/** JSON Web Key Sets of issuers (RFC 7517), fetched where they are needed and kept for a while. */
import { createLocalJWKSet, type JSONWebKeySet } from "jose";

export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** Milliseconds for which keys are taken from memory. */
const freshMs = 600_000;
/** Milliseconds in which keys that a token does not find are not fetched again: anybody can send such tokens. */
const cooldownMs = 30_000;
const fetchMs = 5_000;
const maxBytes = 65_536;
/** Issuers kept: tables come and go. */
const maxSets = 100;

interface Kept {
  readonly keys: KeySet;
  readonly fetchedAt: number;
}

export class KeySets {
  readonly #kept = new Map<string, Kept>();
  readonly #fetch: typeof fetch;
  readonly #now: () => number;

  /** @param now milliseconds */
  constructor(fetcher: typeof fetch, now: () => number) {
    this.#fetch = fetcher;
    this.#now = now;
  }

  /**
   * The keys at `uri`. Whoever needs them fetches them for himself: on Workers nobody can wait for another's request.
   *
   * @param newer not those at hand, unless they were fetched just now: a token names a key that they do not have
   * @throws Error if they cannot be had
   */
  async get(uri: string, newer = false): Promise<KeySet> {
    const kept = this.#kept.get(uri);
    const age = kept === undefined ? Infinity : this.#now() - kept.fetchedAt;
    if (kept !== undefined && age < (newer ? cooldownMs : freshMs)) return kept.keys;
    try {
      return await this.#load(uri);
    } catch (error) {
      // An issuer that is away does not make its tokens worthless.
      if (kept !== undefined && !newer) return kept.keys;
      throw error;
    }
  }

  async #load(uri: string): Promise<KeySet> {
    const fetcher = this.#fetch;
    const response = await fetcher(uri, {
      headers: { accept: "application/jwk-set+json, application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(fetchMs),
    });
    if (!response.ok) throw new Error(`${uri} answers ${response.status}`);
    const keys = createLocalJWKSet(JSON.parse(await textOf(response)) as JSONWebKeySet);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= maxSets && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.delete(uri);
    this.#kept.set(uri, { keys, fetchedAt: this.#now() });
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
