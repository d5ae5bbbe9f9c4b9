/**
 * What was made of one table of a cluster, for the next: a message that comes again, the very same object, is not read
 * again. Messages that were decoded are not to be changed.
 */
import type { Backend as BackendMessage, Route as RouteMessage } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Backend, Route } from "../model.ts";
import { Patterns, type PatternUse } from "./patterns.ts";
import { Shared } from "./shared.ts";

interface KnownRoute {
  readonly route: Route;
  readonly uses: readonly PatternUse[];
}

export class Memo {
  readonly patterns: Patterns;
  readonly shared: Shared;
  readonly #cluster: string;
  readonly #lastResort: boolean;
  readonly #backends = new Map<BackendMessage, Backend>();
  readonly #routes = new Map<RouteMessage, KnownRoute>();
  /** Of the table before; undefined once this one is read. */
  #before: Memo | undefined;

  constructor(cluster: string, lastResort: boolean, before?: Memo) {
    this.#cluster = cluster;
    this.#lastResort = lastResort;
    if (before !== undefined && before.#cluster === cluster && before.#lastResort === lastResort) this.#before = before;
    this.patterns = new Patterns(this.#before?.patterns);
    this.shared = new Shared(this.#before?.shared);
  }

  #backendBefore(message: BackendMessage): Backend | undefined {
    return this.#before === undefined ? undefined : this.#before.#backends.get(message);
  }

  #routeBefore(message: RouteMessage): KnownRoute | undefined {
    return this.#before === undefined ? undefined : this.#before.#routes.get(message);
  }

  /** The table is read: nothing of the one before is kept but what it has, too. */
  close(): void {
    this.#before = undefined;
    this.patterns.close();
    this.shared.close();
  }

  /** @param hashes of the table's descriptor sets */
  backend(message: BackendMessage, hashes: ReadonlySet<string>, decode: () => Backend): Backend {
    const known = this.#backendBefore(message);
    const fits = known !== undefined && (known.descriptors === undefined || hashes.has(known.descriptors));
    if (fits) this.#adopt(known);
    const backend = fits ? known : decode();
    this.#backends.set(message, backend);
    return backend;
  }

  /** @param backends of the table, by key */
  route(message: RouteMessage, backends: ReadonlyMap<string, Backend>, decode: () => Route): Route {
    const known = this.#routeBefore(message);
    if (known !== undefined && this.#isCurrent(known.route, backends) && this.patterns.useAgain(known.uses)) {
      for (const { timeouts, retry, hedging, session } of known.route.rules)
        for (const policy of [timeouts, retry, hedging, session]) this.shared.adopt(policy);
      this.#routes.set(message, known);
      return known.route;
    }
    const began = this.patterns.uses.length;
    const route = decode();
    this.#routes.set(message, { route, uses: this.patterns.uses.slice(began) });
    return route;
  }

  #adopt({ originTls, loadBalancing, healthCheck, outlierDetection, circuitBreaker }: Backend): void {
    for (const policy of [originTls, loadBalancing, healthCheck, outlierDetection, circuitBreaker])
      this.shared.adopt(policy);
  }

  /** Whether the backends that it names are still what they were. */
  #isCurrent({ rules }: Route, backends: ReadonlyMap<string, Backend>): boolean {
    const isCurrent = (backend: Backend | undefined): boolean =>
      backend === undefined || backends.get(backend.name.slice(this.#cluster.length + 1)) === backend;
    return rules.every(
      (rule) =>
        rule.backends.every(({ backend }) => isCurrent(backend)) &&
        rule.filters.every((filter) => filter.kind !== "mirror" || isCurrent(filter.backend)),
    );
  }
}
