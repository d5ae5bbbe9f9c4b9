/** Bounds on a part as a whole, where each of its routes may be well within its own. */
import { shapeKey } from "./conditions.ts";
import type { Match, Route } from "./model.ts";

/** What the index is made of: a place is some 400 bytes at worst, and a rule commonly takes one to five. */
const maxPlaces = 500_000;

/** Sets of names that matches have conditions on: a request is held once against each that its path has. */
const maxShapes = 256;

/** What there is too much of, if anything. */
export function excessOf(routes: readonly Route[]): string | undefined {
  let places = 0;
  const shapes = new Set<string>();
  for (const { hostnames, rules } of routes) {
    for (const { matches } of rules) {
      for (const match of matches) {
        places += Math.max(1, hostnames.length) * placesOf(match);
        shapes.add(shapeKey(match));
      }
    }
  }
  if (places > maxPlaces) {
    return `must have fewer or shorter matches: per hostname, path segment and condition, at most ${maxPlaces} together`;
  }
  if (shapes.size > maxShapes) return `must have conditions on at most ${maxShapes} different sets of names`;
  return undefined;
}

function placesOf({ path, headers, params }: Match): number {
  const segments = path.kind === "prefix" ? path.path.split("/").length : 2;
  return segments + headers.length + params.length;
}
