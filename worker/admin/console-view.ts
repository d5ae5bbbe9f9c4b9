/** What the console shows of a table, as JSON. */
import { candidatesOf } from "../../routes/compile.ts";
import type { RouteTable } from "../../routes/model.ts";
import { comparePrecedence } from "../../routes/precedence.ts";
import { routeKey } from "../observe/tally.ts";
import {
  type BackendShare,
  filtersView,
  type FilterView,
  nameOf,
  type RuleName,
  sharesOf,
  type StateOf,
} from "./explain.ts";

export interface RouteRow extends RuleName {
  /** As metrics name it. */
  readonly route: string;
  readonly filters: readonly FilterView[];
  readonly backends: readonly BackendShare[];
}

/** Rows of a route map: more than a page can hold is of no use to anyone. */
const mostRows = 20_000;

export interface RoutesView {
  readonly revision: string;
  readonly rows: readonly RouteRow[];
  /** Rows that were left out. */
  readonly more: number;
}

/** Each match of each rule, in the order in which they are tried. */
export function routesView(table: RouteTable, stateOf?: StateOf): RoutesView {
  const candidates = table.parts.flatMap((part) => part.routes.flatMap(candidatesOf)).toSorted(comparePrecedence);
  const rows = candidates.slice(0, mostRows).map((candidate) => ({
    route: routeKey(candidate.rule.source),
    ...nameOf(candidate),
    filters: filtersView(candidate.rule.filters),
    backends: sharesOf(candidate.rule, stateOf),
  }));
  return { revision: String(table.revision), rows, more: candidates.length - rows.length };
}

/** The hashes of the descriptor sets that a table's backends name. */
export function descriptorHashes(table: RouteTable): ReadonlySet<string> {
  return new Set(table.parts.flatMap((part) => part.backends.flatMap(({ descriptors }) => descriptors ?? [])));
}

/** The hosts that the table names, for whoever wants to call one. */
export function hostsOf(table: RouteTable): string[] {
  return [...new Set(table.parts.flatMap((part) => part.routes.flatMap(({ hostnames }) => hostnames)))].toSorted();
}
