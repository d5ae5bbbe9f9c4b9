/** All backends that calls went to, as they are just now. */
import type { Backend } from "../../routes/model.ts";
import type { Cancel, HttpRequest } from "../call/http.ts";
import type { PoolStats } from "../call/pool-stats.ts";
import { type BackendOptions, LiveBackend } from "./backend.ts";
import { type CallOptions, OriginCall } from "./call.ts";
import type { LiveEndpoint } from "./endpoint.ts";
import { ReplayMemory } from "./replay.ts";
import type { CallAnswer, Routing } from "./routing.ts";

/** Backends beyond which those without connections are forgotten: they come and go with the table. */
const manyBackends = 1_000;

export class Origins {
  readonly #options: BackendOptions;
  readonly #calls: CallOptions;
  readonly #live = new Map<string, LiveBackend>();

  constructor(options: BackendOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.#calls = { clock, random, memory: new ReplayMemory() };
  }

  /** Sends a request where `routing` says, as often as it says. `deadline` is the clock's; Infinity: none. */
  readonly send = (request: HttpRequest, answer: CallAnswer, routing: Routing, deadline: number): Cancel => {
    const targets = routing.targets.map((backend) => this.backend(backend));
    const call = new OriginCall(this.#calls, request, answer, routing, targets, deadline);
    call.start();
    return call.cancel;
  };

  /** `backend` as it is just now; from now on it is what the table at hand says. */
  backend(backend: Backend): LiveBackend {
    const known = this.#live.get(backend.name);
    if (known !== undefined) {
      known.adopt(backend);
      return known;
    }
    if (this.#live.size >= manyBackends) this.#forgetIdle();
    const live = new LiveBackend(backend, this.#options);
    this.#live.set(backend.name, live);
    return live;
  }

  /** Those that calls went to. */
  get backends(): Iterable<LiveBackend> {
    return this.#live.values();
  }

  /** Every endpoint's connections, as they stand. */
  stats(): readonly PoolStats[] {
    return [...this.#live.values()].flatMap(({ name, endpoints }) =>
      Array.from(endpoints, (endpoint) => statsOf(name, endpoint)),
    );
  }

  #forgetIdle(): void {
    for (const [name, live] of this.#live) {
      if (!live.idle) continue;
      live.close();
      this.#live.delete(name);
    }
  }

  /** Ends every call and closes every connection. Nothing may be sent any more. */
  close(): void {
    for (const live of this.#live.values()) live.close();
  }
}

function statsOf(backend: string, { endpoint, pool, state }: LiveEndpoint): PoolStats {
  const { host, port, protocol, tls } = endpoint;
  const { connections, load, waiting } = pool;
  return { backend, host, port, protocol, tls, connections, calls: load - waiting, waiting, state };
}
