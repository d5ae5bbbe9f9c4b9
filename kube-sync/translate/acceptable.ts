import { create } from "@bufbuild/protobuf";
import type { Backend, ClusterTable, Route, Rule, SourceRef } from "../../proto/gen/edgeway/v1/table_pb.js";
import {
  BackendRefSchema,
  ClusterTableSchema,
  FilterSchema,
  OriginProtocol,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Issue } from "../../routes/decode.ts";
import { decode } from "../../routes/decode.ts";
import { limits } from "../../routes/decode/list.ts";
import type { Size } from "../../routes/excess.ts";
import { excessOf, sizeOf } from "../../routes/excess.ts";
import type * as model from "../../routes/model.ts";
import type { Context } from "./context.ts";
import { invalidTarget } from "./context.ts";

type Source = Pick<SourceRef, "kind" | "namespace" | "name">;

/**
 * The edge takes a table whole or not at all. So that one object does not take all others down, what it would refuse
 * is left out, and reported: the routes of the object, or the backends of the Service, whose share then gets an error.
 *
 * Routes and backends are decoded once each, apart from the others, as most are those of the last time; the table as a
 * whole only when there may be too much in it.
 */
export function keepAcceptable(context: Context, table: ClusterTable): ClusterTable {
  const { cluster, backends, routes } = table;
  checkBackends(cluster, backends);
  checkRoutes(cluster, routes);
  const found = [
    ...backends.flatMap((backend) => checkedBackends.get(backend) ?? []),
    ...routes.flatMap((route) => checkedRoutes.get(route)?.issues ?? []),
  ];
  let kept = without(context, table, found);
  if (!isTooMuch(kept)) return kept;
  for (;;) {
    const next = without(context, kept, decode(kept).issues ?? []);
    if (next === kept) return kept;
    kept = next;
  }
}

const checkedBackends = new WeakMap<Backend, readonly Issue[]>();

/** All that are new at once; only when something is wrong with one of them, each by itself. */
function checkBackends(cluster: string, all: readonly Backend[]): void {
  const backends = all.filter((backend) => !checkedBackends.has(backend));
  if (backends.length === 0) return;
  const hashes = new Set(backends.map(({ descriptors }) => descriptors).filter((hash) => hash !== ""));
  const descriptorSets = [...hashes].map((hash) => ({ hash }));
  const { issues = [] } = decode(create(ClusterTableSchema, { cluster, backends, descriptorSets }));
  if (issues.length > 0 && backends.length > 1) for (const backend of backends) checkBackends(cluster, [backend]);
  else for (const backend of backends) checkedBackends.set(backend, issues);
}

interface CheckedRoute {
  readonly issues: readonly Issue[];
  /** Absent when there are issues. */
  readonly size?: Size | undefined;
  /** Its regular expressions that take a machine. */
  readonly regexes: readonly string[];
}

const checkedRoutes = new WeakMap<Route, CheckedRoute>();

/** Likewise; without the backends that they refer to, which are checked by themselves. */
function checkRoutes(cluster: string, all: readonly Route[]): void {
  const routes = all.filter((route) => !checkedRoutes.has(route));
  if (routes.length === 0) return;
  const backends = [...new Set(routes.flatMap(targetsOf))].map((key) => ({
    key,
    source: { kind: "Service", name: "any" },
    protocol: OriginProtocol.HTTP1,
  }));
  const { part, issues = [] } = decode(create(ClusterTableSchema, { cluster, routes, backends }));
  if (issues.length > 0 && routes.length > 1) for (const route of routes) checkRoutes(cluster, [route]);
  else routes.forEach((route, i) => checkedRoutes.set(route, checked(issues, part?.routes[i])));
}

function checked(issues: readonly Issue[], route: model.Route | undefined): CheckedRoute {
  return route === undefined ? { issues, regexes: [] } : { issues, size: sizeOf(route), regexes: costlyOf(route) };
}

function targetsOf({ rules }: Route): string[] {
  return rules.flatMap(({ backends, filters }) => [
    ...backends.flatMap(({ target }) => (target.case === "backend" ? [target.value] : [])),
    ...filters.flatMap(({ filter }) =>
      filter.case === "mirror" && filter.value.target.case === "backend" ? [filter.value.target.value] : [],
    ),
  ]);
}

/** The regular expressions that take a machine: there may be so many in a table. */
function costlyOf({ rules }: model.Route): string[] {
  const patterns = rules.flatMap(({ matches, filters }) => [
    ...matches.flatMap(({ conditions }) => conditions.map(({ pattern }) => pattern)),
    ...filters.map((filter) => {
      const path = filter.kind === "urlRewrite" || filter.kind === "redirect" ? filter.path : undefined;
      return path?.kind === "regex" ? path.pattern : undefined;
    }),
  ]);
  return patterns.flatMap((pattern) => (pattern?.costly === true ? [pattern.text] : []));
}

/** Whether there may be more in all than the edge takes, where each route and backend by itself is well. */
function isTooMuch({ routes, backends }: ClusterTable): boolean {
  const known = routes.flatMap((route) => checkedRoutes.get(route) ?? []);
  const regexes = new Set(known.flatMap((each) => each.regexes));
  return (
    routes.length > limits.routes ||
    backends.length > limits.backends ||
    regexes.size > limits.patterns ||
    excessOf(known.flatMap(({ size }) => size ?? [])) !== undefined
  );
}

/** The same table if no issue is one of an object; those about the table itself are not mended by leaving some out. */
function without(context: Context, table: ClusterTable, issues: readonly Issue[]): ClusterTable {
  for (const issue of issues) report(context, issue);
  const wrong = new Map(issues.flatMap(({ source, reason }) => (source ? [[sourceKey(source), reason] as const] : [])));
  if (wrong.size === 0) return table;
  const reasonFor = (source: Source | undefined) => source && wrong.get(sourceKey(source));
  const invalid = new Map<string, string>();
  for (const { key, source } of table.backends) {
    const reason = reasonFor(source);
    if (reason !== undefined) invalid.set(key, `backend ${key} ${reason}`);
  }
  return create(ClusterTableSchema, {
    ...table,
    backends: table.backends.filter(({ key }) => !invalid.has(key)),
    routes: table.routes
      .filter(({ source }) => reasonFor(source) === undefined)
      .map((route) =>
        targetsOf(route).some((key) => invalid.has(key))
          ? { ...route, rules: route.rules.map((rule) => withInvalid(rule, invalid)) }
          : route,
      ),
  });
}

function withInvalid(rule: Rule, invalid: ReadonlyMap<string, string>): Rule {
  const backends = rule.backends.map((ref) => {
    const reason = ref.target.case === "backend" ? invalid.get(ref.target.value) : undefined;
    return reason === undefined ? ref : create(BackendRefSchema, { target: invalidTarget(reason), weight: ref.weight });
  });
  const filters = rule.filters.map((each) => {
    const { filter } = each;
    if (filter.case !== "mirror" || filter.value.target.case !== "backend") return each;
    const reason = invalid.get(filter.value.target.value);
    return reason === undefined
      ? each
      : create(FilterSchema, {
          filter: { case: "mirror", value: { millionths: filter.value.millionths, target: invalidTarget(reason) } },
        });
  });
  return { ...rule, backends, filters };
}

function report({ objects, report: entries }: Context, { source, field, reason }: Issue): void {
  const { kind = "", namespace = "", name = "" } = source ?? {};
  const file = objects.find(kind, namespace, name)?.file ?? "";
  const why = `left out, as the edge would refuse it: ${field} ${reason}`;
  entries.push({ source: { kind, namespace, name, file }, level: "error", field: "", reason: why });
}

function sourceKey({ kind, namespace, name }: Source): string {
  return `${kind}/${namespace}/${name}`;
}
