/** Bounds on a part as a whole, where each of its routes may be well within its own. */
import { namesKey } from "./conditions.ts";
import type { Match, Route, Rule } from "./model.ts";

/** What the index is made of: a place is some 400 bytes at worst, and a rule commonly takes one to five. */
const maxPlaces = 500_000;

/** Sets of names that matches have conditions on: a request is held once against each that its path has. */
const maxShapes = 256;

/** Different priorities: a request is held against one after the other. */
const maxPriorities = 1024;

/** Matches with conditions that are no lookups, for one hostname: they are tried one by one. */
const maxScanned = 1024;

/** What there is too much of, if anything. */
export function excessOf(routes: readonly Route[]): string | undefined {
  let places = 0;
  const shapes = new Set<string>();
  const priorities = new Set<number>();
  const scanned = new Map<string, number>();
  for (const { hostnames, rules } of routes) {
    for (const { matches, priority } of rules) {
      priorities.add(priority);
      for (const match of matches) {
        places += Math.max(1, hostnames.length) * placesOf(match);
        shapes.add(namesKey(match));
      }
    }
    countScanned(rules, hostnames, scanned);
  }
  if (places > maxPlaces) {
    return `must have fewer or shorter matches: per hostname, path segment and condition, at most ${maxPlaces} together`;
  }
  if (shapes.size > maxShapes) return `must have conditions on at most ${maxShapes} different sets of names`;
  if (priorities.size > maxPriorities) return `must have at most ${maxPriorities} different priorities`;
  for (const [hostname, count] of scanned) {
    if (count > maxScanned)
      return `must have at most ${maxScanned} matches with conditions for one hostname, has ${count} for "${hostname}"`;
  }
  return undefined;
}

function placesOf({ path, headers, params, conditions }: Match): number {
  const segments = path.kind === "prefix" ? path.path.split("/").length : 2;
  return segments + headers.length + params.length + conditions.length;
}

/** Adds to `counts`, by hostname, how many matches of `rules` are tried one by one. */
function countScanned(rules: readonly Rule[], hostnames: readonly string[], counts: Map<string, number>): void {
  const count = rules.reduce((sum, rule) => sum + rule.matches.filter(isScanned).length, 0);
  if (count === 0) return;
  for (const hostname of hostnames.length === 0 ? [""] : hostnames)
    counts.set(hostname, (counts.get(hostname) ?? 0) + count);
}

function isScanned({ conditions }: Match): boolean {
  return conditions.length > 0;
}
