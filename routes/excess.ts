/** Bounds on a part as a whole, where each of its routes may be well within its own. */
import { namesKey } from "./conditions.ts";
import type { Match, Route } from "./model.ts";

/** What the index is made of: a place is some 400 bytes at worst, and a rule commonly takes one to five. */
const maxPlaces = 500_000;

/** Sets of names that matches have conditions on: a request is held once against each that its path has. */
const maxShapes = 256;

/** Different priorities: a request is held against one after the other. */
const maxPriorities = 1024;

/** Matches with conditions that are no lookups, for one hostname: they are tried one by one. */
const maxScanned = 1024;

/** What a route adds to a part. */
export interface Size {
  readonly hostnames: readonly string[];
  readonly places: number;
  /** Sets of names that its matches have conditions on. */
  readonly shapes: readonly string[];
  readonly priorities: readonly number[];
  /** Matches that are tried one by one. */
  readonly scanned: number;
}

export function sizeOf({ hostnames, rules }: Route): Size {
  const matches = rules.flatMap((rule) => rule.matches);
  return {
    hostnames,
    places: matches.reduce((sum, match) => sum + Math.max(1, hostnames.length) * placesOf(match), 0),
    shapes: [...new Set(matches.map(namesKey))],
    priorities: [...new Set(rules.map(({ priority }) => priority))],
    scanned: matches.filter(isScanned).length,
  };
}

/** What there is too much of in a part of routes of these sizes, if anything. */
export function excessOf(sizes: readonly Size[]): string | undefined {
  let places = 0;
  const shapes = new Set<string>();
  const priorities = new Set<number>();
  const scanned = new Map<string, number>();
  for (const size of sizes) {
    places += size.places;
    for (const shape of size.shapes) shapes.add(shape);
    for (const priority of size.priorities) priorities.add(priority);
    if (size.scanned === 0) continue;
    for (const hostname of size.hostnames.length === 0 ? [""] : size.hostnames)
      scanned.set(hostname, (scanned.get(hostname) ?? 0) + size.scanned);
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

function isScanned({ conditions }: Match): boolean {
  return conditions.length > 0;
}
