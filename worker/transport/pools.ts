/** A pool for each address of each origin. */
import type { Answer, Cancel, HttpRequest } from "../call/http.ts";
import { type Endpoint, Pool, type PoolOptions } from "./pool.ts";

/** Pools beyond which those without connections are given up: addresses come and go with their pods. */
const manyPools = 1_000;

export class Pools {
  readonly #options: PoolOptions;
  /** By host, then by a number made of all else: no key is put together for a call. */
  readonly #pools = new Map<string, Map<number, Pool>>();
  #count = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Sends `request` to `endpoint`. */
  readonly send = (request: HttpRequest, answer: Answer, { endpoint }: { readonly endpoint: Endpoint }): Cancel => {
    const { host, port, tls, protocol } = endpoint;
    const key = port * 4 + (tls ? 2 : 0) + (protocol === "http1" ? 1 : 0);
    const pool = this.#pools.get(host)?.get(key) ?? this.#add(endpoint, key);
    return pool.handle(request, answer);
  };

  #add(endpoint: Endpoint, key: number): Pool {
    if (this.#count >= manyPools) this.#giveUpIdle();
    const pool = new Pool(endpoint, this.#options);
    const ofHost = this.#pools.get(endpoint.host);
    if (ofHost === undefined) this.#pools.set(endpoint.host, new Map([[key, pool]]));
    else ofHost.set(key, pool);
    this.#count++;
    return pool;
  }

  #giveUpIdle(): void {
    for (const [host, ofHost] of this.#pools) {
      for (const [key, pool] of ofHost) if (pool.idle && ofHost.delete(key)) this.#count--;
      if (ofHost.size === 0) this.#pools.delete(host);
    }
  }

  /** Ends every call and closes every connection. Nothing may be sent any more. */
  close(): void {
    for (const ofHost of this.#pools.values()) for (const pool of ofHost.values()) pool.close();
  }
}
