/** What all decoding shares: the bounds on a table's lists, and how lists are read. */
import { isMessage } from "@bufbuild/protobuf";
import type { Place } from "../issues.ts";

/**
 * How many of each a table may have. Gateway API's own limits are lower (16 hostnames, rules, filters, backends,
 * header and query conditions; 64 matches), but other dialects have none. What one request is held against is kept
 * near them; the rest bounds memory.
 */
export const limits = {
  routes: 100_000,
  backends: 100_000,
  hostnames: 1024,
  schemes: 2,
  protocols: 4,
  rules: 1024,
  matches: 1024,
  conditions: 16,
  filters: 64,
  modifications: 64,
  /** Gateway API's own. */
  corsOrigins: 64,
  corsNames: 64,
  choices: 64,
  /** Gateway API's largest weight. */
  weight: 1_000_000,
  endpoints: 1024,
  descriptorSets: 256,
  certificates: 10_000,
  subjectAltNames: 64,
  /** Further attempts at a call. */
  attempts: 100,
  /** Answers in a row until a health check is believed. */
  threshold: 1000,
  /** Status codes, or ranges of them. */
  codes: 256,
  claims: 64,
  jwtHeaders: 16,
  /** What a timer takes, in milliseconds: more than 24 days. */
  ms: 2_147_483_647,
  /** Different regular expressions that take a machine: a millisecond and some kilobytes each. */
  patterns: 1024,
};

export const nothing: readonly never[] = Object.freeze([]);

/** What `decodeOne` makes of each message. A longer list than `limit` is wrong and not read. */
export function list<M, T>(
  messages: readonly M[],
  limit: number,
  place: Place,
  name: string,
  decodeOne: (message: M, place: Place, index: number) => T,
): readonly T[] {
  if (messages.length === 0) return nothing;
  if (messages.length > limit) {
    place.at(name).wrong(`must have at most ${limit} entries, has ${messages.length}`);
    return nothing;
  }
  return Object.freeze(
    messages.map((message, index) => {
      const at = place.at(name, index);
      refuseUnknown(message, at);
      return decodeOne(message, at, index);
    }),
  );
}

/**
 * A field of a newer schema may narrow what the others say, as a new kind of match would: to read a message without it
 * could route calls that it keeps apart. So the edge is updated before its agents.
 */
export function refuseUnknown(message: unknown, place: Place): void {
  if (isMessage(message) && message.$unknown !== undefined)
    place.wrong("has a field that this edge is too old to know");
}
