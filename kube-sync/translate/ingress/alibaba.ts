import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ObjectOf } from "../../objects/object.ts";
import { compareText } from "../../report.ts";
import type { Context, FilterInit, RouteInit, Say } from "../context.ts";
import { ANY_REQUEST, onCookie, startsWith, wildcards } from "../match.ts";
import { forHostname, withWider } from "../order.ts";
import { alibabaGuards, alibabaPolicies, alibabaReference, SERVER_GROUP_ANNOTATIONS } from "./alibaba-origin.ts";
import { alibabaAction, alibabaConditions } from "./alibaba-rules.ts";
import type { CanaryPair } from "./canary.ts";
import { pairCanaries, taking, withShares } from "./canary.ts";
import { CORS_ANNOTATIONS } from "./cors.ts";
import type { Dialect, IngressRule, PathResult, Reading } from "./dialect.ts";
import { annotationOf, byPath, onPath, sayOf, standardPath } from "./dialect.ts";
import { parseListenPorts, schemesOf } from "./listen-ports.ts";
import { annotationField } from "../annotations.ts";

const PREFIX = "alb.ingress.kubernetes.io/";
/** Of canaries this prefix is read too, and first. */
const NGINX_PREFIX = "nginx.ingress.kubernetes.io/";
const PROTOCOL = `${PREFIX}backend-protocol`;
const LISTEN_PORTS = `${PREFIX}listen-ports`;

/**
 * Alibaba Cloud's ALB Ingress controller: AWS's prefix, another grammar. Source: its Ingress configuration dictionary.
 */
export const alibaba: Dialect = {
  name: "Alibaba ALB",
  prefix: PREFIX,
  read: [
    "listen-ports",
    "ssl-redirect",
    "order",
    "canary",
    "canary-",
    "actions.",
    "conditions.",
    "rewrite-target",
    ...CORS_ANNOTATIONS,
    ...SERVER_GROUP_ANNOTATIONS,
  ],
  alsoRead: /^nginx\.ingress\.kubernetes\.io\/(canary|canary-.*|ssl-redirect)$/,
  refused: new Map([["use-regex", ["false"]]]),
  missed: ["traffic-limit-", "rule-direction."],
  wildcardIsOneLabel: false,
  schemes,
  path: toPath,
  refer: alibabaReference,
  policies: alibabaPolicies,
  guards: alibabaGuards,
  redirect: (reading) => {
    const nginx = reading.ingress.metadata.annotations[`${NGINX_PREFIX}ssl-redirect`];
    return annotationOf(reading, "ssl-redirect") === "true" || nginx === "true" ? { status: 308 } : undefined;
  },
  action: alibabaAction,
  conditions: alibabaConditions,
  filters: rewriteTarget,
  check,
  groups: withWider,
  arrange,
};

/** Documented: ImplementationSpecific is the same as Exact; "*" and "?" make it a pattern, as on AWS. */
function toPath(path: Parameters<Dialect["path"]>[0]): PathResult {
  const { path: text = "/", pathType } = path;
  if (!/[*?]/.test(text))
    return { matches: [standardPath(pathType === "Prefix" ? path : { ...path, pathType: "Exact" })] };
  if (pathType !== "ImplementationSpecific")
    return { refused: `cannot hold "*" or "?" when pathType is ${pathType}: "${text}"` };
  const start = text.slice(0, -1);
  const isPrefix = text.endsWith("*") && !/[*?]/.test(start);
  return { matches: [onPath(isPrefix ? startsWith(start) : { kind: "regex", value: wildcards(text) })] };
}

/** Replaces the whole path. */
function rewriteTarget(reading: Reading): FilterInit[] | string {
  const target = annotationOf(reading, "rewrite-target");
  if (target === undefined) return [];
  if (!/^\/[!"$->@-~]*$/.test(target) || target.includes("$")) {
    const reason = `rewrite-target "${target}" is no plain path: its paths answer with an error`;
    sayOf(reading, "rewrite-target", "error", reason);
    return reason;
  }
  return [{ filter: { case: "urlRewrite", value: { path: { modifier: { case: "full", value: target } } } } }];
}

/** Absent: HTTPS 443 if the Ingress has TLS hosts, else HTTP 80. The edge serves the latter on both. */
function schemes({ metadata, spec }: ObjectOf<"Ingress">, say: Say, context: Context): Scheme[] | undefined {
  const listenPorts = metadata.annotations[LISTEN_PORTS];
  const hasTls = spec.tls.some(({ hosts }) => hosts.length > 0);
  const redirects = metadata.annotations[`${PREFIX}ssl-redirect`] === "true";
  const https = redirects ? '[{"HTTP":80},{"HTTPS":443}]' : '[{"HTTPS":443}]';
  const ports = parseListenPorts(listenPorts ?? (hasTls ? https : '[{"HTTP":80},{"HTTPS":443}]'));
  if (typeof ports === "string") {
    say("error", annotationField(LISTEN_PORTS), `${ports}: the Ingress is left out`);
    return undefined;
  }
  const config = albConfigOf(context, spec.ingressClassName);
  const listeners = config?.spec.listeners ?? [];
  if (listenPorts !== undefined && listeners.length > 0) {
    const missing = ports.find(({ port }) => !listeners.some((listener) => listener.port === port));
    if (missing !== undefined) {
      say(
        "warning",
        annotationField(LISTEN_PORTS),
        `AlbConfig ${config!.metadata.name} has no listener on port ${missing.port}`,
      );
    }
  }
  if (metadata.annotations[PROTOCOL] === "grpc" && !ports.some(({ scheme }) => scheme === Scheme.HTTPS)) {
    say("warning", annotationField(LISTEN_PORTS), "has no HTTPS port, which an ALB needs for gRPC");
  }
  return schemesOf(ports);
}

function albConfigOf({ objects }: Context, className: string | undefined): ObjectOf<"AlbConfig"> | undefined {
  const parameters = className === undefined ? undefined : objects.get("IngressClass", "", className)?.spec.parameters;
  const name =
    typeof parameters === "object" && parameters !== null && "name" in parameters ? parameters.name : undefined;
  return typeof name === "string" ? objects.get("AlbConfig", "", name) : undefined;
}

function check(reading: Reading): void {
  const order = annotationOf(reading, "order");
  if (order !== undefined && !isOrder(order)) {
    sayOf(reading, "order", "error", `must be a whole number from 1 to 1000, not "${order}": 10`);
  }
  const config = albConfigOf(reading.context, reading.ingress.spec.ingressClassName);
  const remote = config?.metadata.annotations[`${PREFIX}remote-clusters`];
  if (remote !== undefined) {
    const clusters = remote.split(",").map((id) => id.trim());
    const reason = `the Services of ${clusters.join(", ")} come from the agents of those clusters, and the edge merges them`;
    reading.say("info", "spec.ingressClassName", `remote-clusters of AlbConfig ${config!.metadata.name}: ${reason}`);
  }
}

function isOrder(text: string): boolean {
  return /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= 1000;
}

function orderOf(reading: Reading): number {
  const order = annotationOf(reading, "order");
  return order !== undefined && isOrder(order) ? Number(order) : 10;
}

/** Ingresses by order and then by name, which makes a difference where one sets it or has conditions. */
function arrange(rules: readonly IngressRule[], keyOf: (rule: IngressRule) => string, hostname: string): RouteInit[] {
  const nameOf = ({ ingress }: Reading) => `${ingress.metadata.namespace}/${ingress.metadata.name}`;
  const sorted = rules.toSorted(
    (a, b) =>
      Number(a.path === undefined) - Number(b.path === undefined) ||
      orderOf(a.reading) - orderOf(b.reading) ||
      (a.reading === b.reading ? 0 : compareText(nameOf(a.reading), nameOf(b.reading))) ||
      byPath(a, b),
  );
  const pairs = pairCanaries(sorted, isCanary, ({ reading, path }) => {
    sayOf(reading, "canary", "error", `no other Ingress has the path ${path?.path ?? "/"} of that host: left out`);
  });
  return forHostname(pairs.flatMap(expand), hostname, keyOf);
}

function isCanary({ reading }: IngressRule): boolean {
  return canaryOf(reading, "canary") === "true";
}

function canaryOf({ ingress }: Reading, name: string): string | undefined {
  const { annotations } = ingress.metadata;
  return annotations[`${NGINX_PREFIX}${name}`] ?? annotations[`${PREFIX}${name}`];
}

/** Header before cookie before weight; the main Ingress keeps what the weights of all canaries leave of 100. */
function expand({ main, canaries }: CanaryPair): IngressRule[] {
  const byHeader: IngressRule[] = [];
  const byCookie: IngressRule[] = [];
  const shares: { rule: IngressRule; weight: number }[] = [];
  for (const rule of canaries) {
    const { reading } = rule;
    const [header, cookie, weight] = ["canary-by-header", "canary-by-cookie", "canary-weight"].map((name) =>
      canaryOf(reading, name),
    );
    if (header !== undefined) {
      const exact = canaryOf(reading, "canary-by-header-value") ?? "";
      byHeader.push(taking(rule, main, { ...ANY_REQUEST, headers: [{ name: header.toLowerCase(), exact }] }));
    }
    if (cookie !== undefined) {
      byCookie.push(taking(rule, main, { ...ANY_REQUEST, conditions: [onCookie(cookie, "always")] }));
    }
    if (weight === undefined) continue;
    if (header !== undefined || cookie !== undefined) {
      sayOf(reading, "canary-weight", "error", "cannot stand beside canary-by-header or canary-by-cookie: ignored");
    } else if (!/^\d{1,3}$/.test(weight) || Number(weight) > 100) {
      sayOf(reading, "canary-weight", "error", `must be a whole number from 0 to 100, not "${weight}": ignored`);
    } else shares.push({ rule, weight: Number(weight) });
  }
  const rest = shares.length === 0 ? main : withShares(main, shares, 100);
  return [...byHeader, ...byCookie, rest];
}
