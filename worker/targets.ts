/** Which backend takes a call, and which may stand in for it. */
import type { Backend, BackendChoice, ClusterShare, Filter, Rule } from "../routes/model.ts";
import type { LoadBalancing } from "../routes/policies.ts";
import { parseQuery } from "../routes/request.ts";
import type { CallError } from "./call/error.ts";
import type { RequestHead } from "./call/http.ts";
import { endpointId } from "./pick/endpoint-id.ts";
import { orderRanked } from "./pick/order.ts";
import { pickWeighted } from "./pick/weighted.ts";
import { noBackend, noEndpoint } from "./refusals.ts";
import type { Session } from "./transport/routing.ts";
import { cookieAttributes, cookieOf } from "./transport/session.ts";

/** A backend of a rule, which is the rule of its own cluster. */
export interface Target {
  readonly rule: Rule;
  readonly choice: BackendChoice & { readonly backend: Backend };
}

/** The backend that was chosen, then those that may stand in for it. */
export type Targets = readonly [Target, ...Target[]];

/** Why the host cannot call a backend, if it cannot. */
export type CannotReach = (backend: Backend) => CallError | undefined;

/**
 * Where a call of `rule` goes. Among the backends of one cluster one is chosen by weight, and no other stands in for it:
 * they may be versions of which each is to get its share. What stands in are the other clusters' backends that the same
 * request can be sent to: of the same protocol, over TLS or not, and with the same filters, as clusters that share a rule
 * have them.
 *
 * @param session the caller's, whose endpoint decides if it is there still
 * @throws CallError if there is no backend, or none with an endpoint
 */
export function targetsOf(
  rule: Rule,
  session: Session | undefined,
  random: () => number,
  cannotReach: CannotReach | undefined,
): Targets {
  const own = session?.endpoint === undefined ? undefined : ofSession(rule, session.endpoint);
  if (rule.clusters === undefined) return [own ?? usable(rule, random, cannotReach)];
  const targets: Target[] = own === undefined ? [] : [own];
  let failure: unknown;
  for (const share of orderRanked(rule.clusters, random)) {
    try {
      const target = usable(share.rule, random, cannotReach);
      if (targets.length === 0 || standsIn(target, targets[0]!)) targets.push(target);
    } catch (error) {
      failure ??= error;
    }
  }
  const [first, ...others] = targets;
  if (first === undefined) throw failure;
  return [first, ...others];
}

function usable(rule: Rule, random: () => number, cannotReach: CannotReach | undefined): Target {
  const choice = rule.backends.length === 1 ? rule.backends[0] : pickWeighted(rule.backends, random());
  if (choice?.backend === undefined || choice.weight === 0) throw noBackend(choice?.invalid);
  if (choice.backend.endpoints.length === 0) throw noEndpoint(choice.backend);
  const obstacle = cannotReach?.(choice.backend);
  if (obstacle !== undefined) throw obstacle;
  return { rule, choice };
}

function standsIn(other: Target, first: Target): boolean {
  const a = first.choice.backend;
  const b = other.choice.backend;
  if (a === b || a.protocol !== b.protocol || a.http !== b.http || a.tls !== b.tls) return false;
  return sameFilters(other, first);
}

function sameFilters(a: Target, b: Target): boolean {
  return textOf(a.rule.filters) === textOf(b.rule.filters) && textOf(a.choice.filters) === textOf(b.choice.filters);
}

/** Filters as text, once for a table. */
const texts = new WeakMap<readonly Filter[], string>();

function textOf(filters: readonly Filter[]): string {
  if (filters.length === 0) return "";
  let text = texts.get(filters);
  // A rate limit's id tells one cluster's rule from the other's, and nothing else.
  if (text === undefined) {
    text = JSON.stringify(filters, (key, value: unknown) => (key === "id" ? undefined : value));
    texts.set(filters, text);
  }
  return text;
}

/** The backend whose endpoint a session is with: the session goes before all weights but none. */
function ofSession(rule: Rule, id: string): Target | undefined {
  const rules = rule.clusters === undefined ? [rule] : rule.clusters.map((share: ClusterShare) => share.rule);
  for (const candidate of rules) {
    for (const choice of candidate.backends) {
      if (choice.backend !== undefined && choice.weight > 0 && idsOf(choice.backend).has(id)) {
        return { rule: candidate, choice };
      }
    }
  }
  return undefined;
}

/** The ids of a backend's endpoints, once for a table. */
const ids = new WeakMap<Backend, ReadonlySet<string>>();

function idsOf(backend: Backend): ReadonlySet<string> {
  let known = ids.get(backend);
  if (known === undefined) {
    known = new Set(backend.endpoints.map(({ host, port }) => endpointId(backend.name, host, port)));
    ids.set(backend, known);
  }
  return known;
}

/** By what consistent hashing chooses. */
export interface Hashed {
  readonly key: string | undefined;
  /** What the caller has to come back with. Undefined: nothing. */
  readonly cookie: string | undefined;
}

const unhashed: Hashed = { key: undefined, cookie: undefined };

/** What `balancing` hashes of a call from `address`. */
export function hashedOf({ hash }: LoadBalancing, head: RequestHead, address: string, random: () => number): Hashed {
  switch (hash?.kind) {
    case undefined:
      return unhashed;
    case "source":
      return { key: address, cookie: undefined };
    case "header":
      return { key: head.fields.joined(hash.name), cookie: undefined };
    case "param": {
      const mark = head.path.indexOf("?");
      return { key: mark < 0 ? undefined : parseQuery(head.path.slice(mark + 1)).get(hash.name), cookie: undefined };
    }
    case "cookie": {
      const key = cookieOf(head.fields, hash.name);
      if (key !== undefined) return { key, cookie: undefined };
      const made = Math.floor(random() * 2 ** 52).toString(36);
      return { key: made, cookie: `${hash.name}=${made}${cookieAttributes(head)}` };
    }
  }
}
