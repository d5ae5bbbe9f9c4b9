/**
 * Backends on their way to the Durable Objects that call them: as JSON that is made once for a table, and read once as
 * long as it stays the same, so that for a call nothing is left but to compare two strings.
 */
import type { Backend } from "../routes/model.ts";
import { hash, mix } from "./pick/hash.ts";
import { asciiJson } from "./plan-json.ts";

/** Endpoints of one backend that one object calls: a header field has only so much room. */
const maxEndpoints = 200;

/** By backend, then by shard. */
const texts = new WeakMap<Backend, string[]>();

/** `backend` as the object of its shard `shard` is to know it: with the endpoints that fall to it, if there are many. */
export function backendToJson(backend: Backend, shard: number): string {
  let ofShards = texts.get(backend);
  if (ofShards === undefined) texts.set(backend, (ofShards = []));
  return (ofShards[shard] ??= textOf(backend, shard));
}

function textOf(backend: Backend, shard: number): string {
  const { endpoints } = backend;
  if (endpoints.length <= maxEndpoints) return asciiJson(backend);
  const ranked = endpoints.map((endpoint) => ({
    endpoint,
    rank: mix(hash(`${endpoint.host} ${endpoint.port}`) ^ mix(shard)),
  }));
  const own = ranked.toSorted((a, b) => a.rank - b.rank).slice(0, maxEndpoints);
  return asciiJson({ ...backend, endpoints: own.map(({ endpoint }) => endpoint) });
}

/** The backends that an object was told of. */
export class KnownBackends {
  readonly #known = new Map<string, { readonly json: string; readonly backend: Backend }>();

  /** The backend `name`, as `json` of {@link backendToJson} has it: the same object while that does not change. */
  get(name: string, json: string): Backend {
    const known = this.#known.get(name);
    if (known?.json === json) return known.backend;
    const backend = reviveBackend(json);
    this.#known.set(name, { json, backend });
    return backend;
  }
}

/** JSON has no Infinity: what has no limit comes as null. */
function reviveBackend(json: string): Backend {
  const backend = JSON.parse(json) as Backend;
  const { circuitBreaker } = backend;
  if (circuitBreaker === undefined) return backend;
  const limit = (value: number | null): number => value ?? Infinity;
  const { maxCalls, maxConnections, maxPending } = circuitBreaker;
  const limits = { maxCalls: limit(maxCalls), maxConnections: limit(maxConnections), maxPending: limit(maxPending) };
  return { ...backend, circuitBreaker: limits };
}
