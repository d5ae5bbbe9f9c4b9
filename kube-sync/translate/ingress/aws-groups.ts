import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { compareText } from "../../report.ts";
import type { RouteInit } from "../context.ts";
import { inOrder } from "../order.ts";
import type { IngressRule, Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";

/** Ingresses of one group share a load balancer: the rules of all are tried by group.order, and then by name. */

const GROUP_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;

export function checkGroup(reading: Reading): void {
  const name = annotationOf(reading, "group.name");
  if (name !== undefined && !GROUP_NAME.test(name)) {
    sayOf(reading, "group.name", "error", "must be at most 63 letters, digits, dashes and dots in lower case: ignored");
  }
  const order = annotationOf(reading, "group.order");
  if (order === undefined) return;
  if (name === undefined) sayOf(reading, "group.order", "warning", "means nothing without group.name");
  if (!isOrder(order))
    sayOf(reading, "group.order", "error", `must be a whole number from -1000 to 1000, not "${order}": 0`);
}

function isOrder(text: string): boolean {
  return /^-?\d{1,4}$/.test(text) && Math.abs(Number(text)) <= 1000;
}

function orderOf(reading: Reading): number {
  const order = annotationOf(reading, "group.order");
  return order !== undefined && isOrder(order) ? Number(order) : 0;
}

/** Its group, or the Ingress on its own. */
function groupOf(reading: Reading): string {
  const name = annotationOf(reading, "group.name");
  return name !== undefined && GROUP_NAME.test(name) ? name : nameOf(reading);
}

function nameOf({ ingress }: Reading): string {
  return `${ingress.metadata.namespace}/${ingress.metadata.name}`;
}

/** Where the HTTP listeners redirect to, by the Ingress's own annotation. */
export function redirectPortOf(reading: Reading): number | undefined {
  const port = annotationOf(reading, "ssl-redirect")?.trim();
  return port !== undefined && /^\d{1,5}$/.test(port) ? Number(port) : undefined;
}

export function groups(rules: readonly IngressRule[]): ReadonlyMap<string, readonly IngressRule[]> {
  return Map.groupBy(rules, ({ reading }) => groupOf(reading));
}

export function arrangeGroup(rules: readonly IngressRule[], keyOf: (rule: IngressRule) => string): RouteInit[] {
  return inOrder(withoutHttp(rules).toSorted(compare), keyOf);
}

/** One Ingress's ssl-redirect leaves the HTTP listeners of its whole group nothing but redirects. */
function withoutHttp(group: readonly IngressRule[]): IngressRule[] {
  const redirecting = group.find(({ reading }) => redirectPortOf(reading) !== undefined)?.reading;
  if (redirecting === undefined) return [...group];
  const port = redirectPortOf(redirecting);
  const others = new Set(group.map(({ reading }) => reading));
  for (const other of others) {
    const own = redirectPortOf(other);
    if (own !== undefined && own !== port) {
      sayOf(
        other,
        "ssl-redirect",
        "error",
        `${nameOf(redirecting)} of the same group redirects to ${port}: that holds`,
      );
    }
  }
  const hosts = new Set(group.filter(({ suffix }) => suffix === "/http").map(({ hostname }) => hostname));
  return group.flatMap((rule): IngressRule[] => {
    if (rule.suffix === "/http" || (!rule.schemes.includes(Scheme.HTTP) && rule.schemes.length > 0)) return [rule];
    const secure = rule.schemes.length === 0 ? [{ ...rule, schemes: [Scheme.HTTPS] }] : [];
    if (hosts.has(rule.hostname)) return secure;
    hosts.add(rule.hostname);
    const value = { scheme: "https", status: 301, port: port === 443 ? 0 : (port ?? 0) };
    const redirect = { index: rule.rule.index ?? 0, filters: [{ filter: { case: "redirect" as const, value } }] };
    return [...secure, { ...rule, suffix: "/http", schemes: [Scheme.HTTP], matches: [], rule: redirect }];
  });
}

/** Default backends last: of a load balancer's they are no rules, but what is done when no rule holds. */
function compare(a: IngressRule, b: IngressRule): number {
  return (
    Number(a.path === undefined) - Number(b.path === undefined) ||
    orderOf(a.reading) - orderOf(b.reading) ||
    compareText(nameOf(a.reading), nameOf(b.reading)) ||
    (a.rule.index ?? 0) - (b.rule.index ?? 0) ||
    comparePaths(a, b)
  );
}

const TYPES = ["Exact", "Prefix", "ImplementationSpecific"];

/** Within a rule: exact paths, then prefixes from the longest to the shortest, then patterns. */
function comparePaths({ path: a }: IngressRule, { path: b }: IngressRule): number {
  if (a === undefined || b === undefined) return 0;
  const byType = TYPES.indexOf(a.pathType) - TYPES.indexOf(b.pathType);
  if (byType !== 0 || a.pathType !== "Prefix") return byType;
  return (b.path ?? "").length - (a.path ?? "").length;
}
