import { forms, isAuthority } from "../../../routes/syntax.ts";
import type { FilterInit, RouteInit } from "../context.ts";
import { compareText } from "../../report.ts";
import type { Match } from "../match.ts";
import { ANY_REQUEST, onCookie, onHeader, searching, wrongRegex } from "../match.ts";
import { LAST } from "../gateway/isolation.ts";
import { NOT_FOUND } from "../istio/mesh.ts";
import { inOrder, inTableOrder, withWider } from "../order.ts";
import type { CanaryPair } from "./canary.ts";
import { narrowed, pairCanaries, taking, withShares } from "./canary.ts";
import { CORS_ANNOTATIONS, corsFilter } from "./cors.ts";
import type { Dialect, IngressRule, Reading } from "./dialect.ts";
import { annotationOf, byPath, onPath, sayOf, standardPath } from "./dialect.ts";
import { CALL_ANNOTATIONS, mirrorFilter, nginxGuards, nginxPolicies } from "./nginx-calls.ts";
import { nginxClients, nginxReference, UPSTREAM_ANNOTATIONS } from "./nginx-origin.ts";
import { hasTls } from "./targets.ts";

const PREFIX = "nginx.ingress.kubernetes.io/";

/** For twenty days. */
const CORS_MAX_AGE_SECONDS = 1_728_000;

/** ingress-nginx, docs/user-guide/nginx-configuration/annotations.md and ingress-path-matching.md. */
export const nginx: Dialect = {
  name: "ingress-nginx",
  prefix: PREFIX,
  read: [
    "ssl-redirect",
    "force-ssl-redirect",
    "canary",
    "canary-",
    "use-regex",
    "rewrite-target",
    "upstream-vhost",
    "server-alias",
    ...CORS_ANNOTATIONS,
    ...UPSTREAM_ANNOTATIONS,
    ...CALL_ANNOTATIONS,
  ],
  refused: new Map(
    [
      "auth-type",
      "auth-url",
      "whitelist-source-range",
      "allowlist-source-range",
      "denylist-source-range",
      "configuration-snippet",
      "server-snippet",
      "auth-snippet",
      "stream-snippet",
      "modsecurity-snippet",
      "permanent-redirect",
      "temporal-redirect",
    ].map((name) => [name, []]),
  ),
  missed: [
    "auth-tls-",
    "mirror-",
    "proxy-",
    "affinity-",
    "session-cookie-",
    "upstream-hash-by-",
    "limit-",
    "custom-headers",
    "app-root",
    "enable-modsecurity",
  ],
  wildcardIsOneLabel: true,
  schemes: () => [],
  path: (path) => ({ matches: [standardPath(path)] }),
  refer: nginxReference,
  policies: (reading) => (isCanaryReading(reading) ? {} : nginxPolicies(reading)),
  guards: (reading) => (isCanaryReading(reading) ? [] : nginxGuards(reading)),
  clients: nginxClients,
  redirectsPaths: true,
  redirect: (reading, hostname) => {
    if (isCanaryReading(reading)) return undefined;
    if (annotationOf(reading, "force-ssl-redirect") === "true") return { status: 308 };
    const wanted = annotationOf(reading, "ssl-redirect") !== "false";
    return wanted && hasTls(reading.ingress, hostname) ? { status: 308 } : undefined;
  },
  filters: (reading, path) => {
    if (isCanaryReading(reading)) return [];
    const filters = rewrites(reading, path);
    if (typeof filters === "string") return filters;
    return [...filters, ...corsFilter(reading, CORS_MAX_AGE_SECONDS), ...mirrorFilter(reading)];
  },
  aliases,
  defaultsOwnHosts: true,
  groups: withWider,
  arrange,
};

function aliases(reading: Reading): readonly string[] {
  const names =
    annotationOf(reading, "server-alias")
      ?.split(",")
      .map((name) => name.trim().toLowerCase()) ?? [];
  return names.filter((name) => {
    if (forms.hostname.holds(name)) return true;
    sayOf(reading, "server-alias", "error", `must be host names, not "${name}": left out`);
    return false;
  });
}

/** Of a canary only its canary annotations count: for all else the main Ingress's hold. */
function isCanaryReading(reading: Reading): boolean {
  return annotationOf(reading, "canary") === "true";
}

function rewrites(reading: Reading, path: IngressRule["path"]): FilterInit[] | string {
  const authority = annotationOf(reading, "upstream-vhost")?.toLowerCase() ?? "";
  const target = annotationOf(reading, "rewrite-target");
  const fail = (name: string, reason: string): string => {
    sayOf(reading, name, "error", `${reason}: its paths answer with an error`);
    return reason;
  };
  if (authority !== "" && !isAuthority(authority)) return fail("upstream-vhost", `"${authority}" is no host`);
  if (target === undefined) return authority === "" ? [] : [{ filter: { case: "urlRewrite", value: { authority } } }];
  const text = path?.path ?? "/";
  // "$1" is what the first group of the path matched, nothing if there is none; the result is the whole path.
  const groups = groupsOf(text);
  const substitution = target
    .replaceAll("\\", "\\\\")
    .replaceAll(/\$(\d)/g, (_, digit: string) => (Number(digit) <= groups ? `\\${digit}` : ""));
  if (/\$[^\d]|\$$/.test(target) || !forms.substitution.holds(substitution)) {
    return fail("rewrite-target", `rewrite-target "${target}" is not supported: of variables only $1 to $9`);
  }
  const wrong = wrongRegex([text]);
  if (wrong !== undefined) return fail("rewrite-target", wrong);
  const pattern = `(?i)^.*?(?:${text}).*$`;
  return [
    {
      filter: {
        case: "urlRewrite",
        value: { authority, path: { modifier: { case: "regex", value: { pattern, substitution } } } },
      },
    },
  ];
}

function groupsOf(regex: string): number {
  return regex.match(/(?<!\\)\((?!\?(?!P<))/g)?.length ?? 0;
}

/**
 * All Ingresses of one host make one server, and what it leaves is for no wider host's. Where one of them has use-regex or rewrite-target, all its paths are
 * expressions that a path must begin with, in any case, tried from the longest to the shortest.
 */
function arrange(rules: readonly IngressRule[], keyOf: (rule: IngressRule) => string, hostname: string): RouteInit[] {
  const server = rules.filter((rule) => rule.hostname === hostname).toSorted(byAge);
  const isRegex = server.some(({ reading }) => !isCanaryReading(reading) && usesRegex(reading));
  const sorted = isRegex ? server.flatMap(asRegex).toSorted(byLength) : server.toSorted(byPath);
  const isDefault = ({ source, path }: IngressRule) => source.kind === "Ingress" && path === undefined;
  const own = sorted.map((rule) => (isDefault(rule) ? { ...rule, priority: DEFAULT } : rule));
  const pairs = pairCanaries(
    own,
    ({ reading }) => isCanaryReading(reading),
    ({ reading, path }) => {
      sayOf(reading, "canary", "error", `no other Ingress has the path ${path?.path ?? "/"} of that host: left out`);
    },
  );
  const mains = pairs.map(({ main }) => main);
  const rest = rules.length > server.length ? fence(mains) : [];
  const isMesh = own.some(({ source }) => source.kind === "VirtualService");
  return isRegex || isMesh || pairs.some(({ canaries }) => canaries.length > 0)
    ? inOrder([...pairs.flatMap(expand), ...rest], keyOf)
    : inTableOrder([...mains, ...rest], keyOf);
}

/** A default backend gives way to all paths of its host, whoever has them. */
const DEFAULT = -1;

/** NGINX's own default backend, for what the paths of a server leave. */
function fence(mains: readonly IngressRule[]): IngressRule[] {
  const [first] = mains;
  const takesAll = ({ source, path }: IngressRule) =>
    source.kind === "Ingress" && (path === undefined || (path.path === "/" && path.pathType !== "Exact"));
  if (first === undefined || mains.some(takesAll)) return [];
  const { reading, hostname, singleLabel } = first;
  const { metadata, spec } = reading.ingress;
  const source = { kind: "Ingress", namespace: metadata.namespace, name: metadata.name };
  const part: IngressRule["part"] = { host: hostname, matches: [] };
  const rule = { index: spec.rules.length, filters: [NOT_FOUND] };
  return [
    {
      reading,
      hostname,
      createdSeconds: metadata.createdSeconds,
      ...(singleLabel === true && { singleLabel }),
      source,
      suffix: "",
      schemes: [],
      part,
      matches: part.matches,
      rule,
      priority: LAST,
    },
  ];
}

function byAge(a: IngressRule, b: IngressRule): number {
  const name = ({ reading }: IngressRule) => `${reading.ingress.metadata.namespace}/${reading.ingress.metadata.name}`;
  return a.createdSeconds - b.createdSeconds || compareText(name(a), name(b));
}

function usesRegex(reading: Reading): boolean {
  return annotationOf(reading, "use-regex") === "true" || annotationOf(reading, "rewrite-target") !== undefined;
}

function byLength(a: IngressRule, b: IngressRule): number {
  return (b.path?.path?.length ?? 0) - (a.path?.path?.length ?? 0);
}

function asRegex(rule: IngressRule): IngressRule[] {
  if (rule.path === undefined) return [rule];
  const text = rule.path.path ?? "/";
  const regex = `(?i)${searching(`^${text}`)}`;
  const wrong = wrongRegex([regex]);
  if (wrong === undefined) return [{ ...rule, matches: [onPath({ kind: "regex", value: regex })] }];
  rule.reading.say("error", `spec.rules[${rule.rule.index ?? 0}].http.paths`, `${wrong}; left out`);
  return [];
}

/**
 * Header before cookie before weight. "always" and "never" settle it; with a value of one's own to look for, "never"
 * says nothing, and a call without that value goes on to cookie and weight.
 */
function expand({ main, canaries }: CanaryPair): IngressRule[] {
  const [canary, ...others] = canaries;
  for (const { reading } of others) {
    const { namespace, name } = canary!.reading.ingress.metadata;
    sayOf(
      reading,
      "canary",
      "error",
      `Ingress ${namespace}/${name} is the canary there, and there can be one: left out`,
    );
  }
  if (canary === undefined) return [main];
  const { reading } = canary;
  // What is done with calls is the main Ingress's to say; where they go, the canary's.
  const to = (rule: IngressRule, by: Match): IngressRule => ({
    ...(rule === main ? { ...main, matches: narrowed(main, by) } : taking(rule, main, by)),
    rule: { ...main.rule, index: rule.rule.index ?? 0, backends: rule.rule.backends ?? [] },
  });
  const when = (conditions: Match["conditions"]): Match => ({ ...ANY_REQUEST, conditions });
  const rules: IngressRule[] = [];
  const header = annotationOf(reading, "canary-by-header")?.toLowerCase();
  const value = annotationOf(reading, "canary-by-header-value");
  const pattern = annotationOf(reading, "canary-by-header-pattern");
  if (header !== undefined && !forms.headerName.holds(header)) {
    sayOf(reading, "canary-by-header", "error", `"${header}" is no header name: ignored`);
  } else if (header !== undefined) {
    const exact = (text: string): Match => ({ ...ANY_REQUEST, headers: [{ name: header, exact: text }] });
    if (value !== undefined) rules.push(to(canary, exact(value)));
    else if (pattern === undefined) rules.push(to(canary, exact("always")), to(main, exact("never")));
    else {
      const wrong = wrongRegex([searching(pattern)]);
      if (wrong === undefined) rules.push(to(canary, when([onHeader(header, searching(pattern))])));
      else sayOf(reading, "canary-by-header-pattern", "error", `${wrong}: no call matches it`);
    }
  }
  const cookie = annotationOf(reading, "canary-by-cookie");
  if (cookie !== undefined)
    rules.push(to(canary, when([onCookie(cookie, "always")])), to(main, when([onCookie(cookie, "never")])));
  return [...rules, weighted(main, canary)];
}

function weighted(main: IngressRule, canary: IngressRule): IngressRule {
  const { reading } = canary;
  const read = (name: string): number => {
    const text = annotationOf(reading, name) ?? "0";
    if (/^\d{1,6}$/.test(text)) return Number(text);
    sayOf(reading, name, "error", `must be a whole number, not "${text}": ignored`);
    return 0;
  };
  const total = Math.max(100, read("canary-weight-total"));
  const weight = Math.min(total, read("canary-weight"));
  return weight === 0 ? main : withShares(main, [{ rule: canary, weight }], total);
}
