/** Which of a backend's endpoints get calls, and whether others should stand in for it. */

export interface Judged {
  /** Whether a connection to it can be had, as far as is known. */
  readonly reachable: boolean;
  /** Whether its health checks pass and its calls do not fail. */
  readonly well: boolean;
}

export interface Standing<T> {
  /** Those that get calls. Empty only if there are no endpoints. */
  readonly candidates: readonly T[];
  /** Whether at least half of the endpoints can be called. If not, those of another cluster should be. */
  readonly able: boolean;
}

/**
 * Health may err, and the few that are left would break under the calls of all: where more than half are unwell, health
 * counts for nothing (Envoy's panic threshold). What cannot be connected to is passed over in any case, unless that is
 * true of all.
 */
export function standingOf<T extends Judged>(endpoints: readonly T[]): Standing<T> {
  const reachable = endpoints.filter((endpoint) => endpoint.reachable);
  const good = reachable.filter((endpoint) => endpoint.well);
  const able = good.length > 0 && good.length * 2 >= endpoints.length;
  if (reachable.length === 0) return { candidates: endpoints, able };
  return { candidates: good.length * 2 < reachable.length ? reachable : good, able };
}
