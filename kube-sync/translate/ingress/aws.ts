import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ObjectOf } from "../../objects/object.ts";
import type { Say } from "../context.ts";
import { searching, startsWith, wildcards, wrongRegex } from "../match.ts";
import type { OriginHint } from "../origin.ts";
import { awsAction } from "./aws-actions.ts";
import { awsConditions } from "./aws-conditions.ts";
import { arrangeGroups, checkGroup, redirectPortOf } from "./aws-groups.ts";
import type { Dialect, PathResult, Reading } from "./dialect.ts";
import { annotationField, annotationOf, onPath, standardPath } from "./dialect.ts";
import type { HealthCheckForms } from "./healthchecks.ts";
import { checkHealthChecks } from "./healthchecks.ts";
import { parseListenPorts, schemesOf } from "./listen-ports.ts";

const PREFIX = "alb.ingress.kubernetes.io/";
const VERSION = `${PREFIX}backend-protocol-version`;
const PROTOCOL = `${PREFIX}backend-protocol`;
const LISTEN_PORTS = `${PREFIX}listen-ports`;
const SSL_REDIRECT = `${PREFIX}ssl-redirect`;

const VERSIONS = ["HTTP1", "HTTP2", "GRPC"] as const;
const PROTOCOLS = { HTTP1: "http1", HTTP2: "http2", GRPC: "grpc" } as const;

/** Defaults: path "/", or "/AWS.ALB/healthcheck" for GRPC; success 200, or 12 for GRPC. */
const HEALTH_CHECKS: HealthCheckForms = {
  "healthcheck-path": [/^\/\S*$/, "a path"],
  "healthcheck-port": [/^(traffic-port|\d{1,5}|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$/, "a port, its name or traffic-port"],
  "healthcheck-protocol": [/^HTTPS?$/, "HTTP or HTTPS"],
  "healthcheck-interval-seconds": [[5, 300], "5 to 300"],
  "healthcheck-timeout-seconds": [[2, 120], "2 to 120"],
  "healthy-threshold-count": [[2, 10], "2 to 10"],
  "unhealthy-threshold-count": [[2, 10], "2 to 10"],
  "success-codes": [/^\d{1,3}(-\d{1,3}|(,\d{1,3})*)$/, "a code, a list or a range of codes"],
};

/** AWS Load Balancer Controller, docs/guide/ingress/annotations.md. */
export const aws: Dialect = {
  name: "AWS ALB",
  prefix: PREFIX,
  read: [
    "backend-protocol-version",
    "backend-protocol",
    "listen-ports",
    "ssl-redirect",
    "group.name",
    "group.order",
    "actions.",
    "conditions.",
    "use-regex-path-match",
    ...Object.keys(HEALTH_CHECKS),
  ],
  refused: new Map([
    ["jwt-validation", []],
    ["auth-type", ["none"]],
    ["mutual-authentication", []],
    ["inbound-cidrs", ["0.0.0.0/0", "0.0.0.0/0,::/0", "0.0.0.0/0, ::/0"]],
  ]),
  missed: ["target-group-attributes", "load-balancer-attributes", "security-groups", "wafv2-acl-arn", "waf-acl-id"],
  wildcardIsOneLabel: false,
  schemes,
  path,
  hint,
  action: awsAction,
  conditions: (reading, name) =>
    annotationOf(reading, `transforms.${name}`) === undefined
      ? awsConditions(reading, name)
      : `${PREFIX}transforms.${name} is not supported yet`,
  redirect: (reading) => {
    const port = redirectPortOf(reading);
    return port === undefined ? undefined : { status: 301, port };
  },
  check: (reading) => {
    checkHealthChecks(reading, HEALTH_CHECKS);
    checkGroup(reading);
    for (const name of Object.keys(reading.ingress.metadata.annotations)) {
      if (name.startsWith(`${PREFIX}transforms.`)) {
        reading.say("error", annotationField(name), `${name} is not supported yet: its paths answer with an error`);
      }
    }
  },
  arrange: arrangeGroups,
};

function path(given: Parameters<Dialect["path"]>[0], reading: Reading): PathResult {
  const { path: text = "/*", pathType } = given;
  if (pathType === "ImplementationSpecific") {
    return annotationOf(reading, "use-regex-path-match") === "true" ? expression(text) : pattern(text);
  }
  return /[*?]/.test(text)
    ? { refused: `cannot hold "*" or "?" when pathType is ${pathType}: "${text}"` }
    : { matches: [standardPath(given)] };
}

/** The "/" that Kubernetes asks for is no part of the expression. */
function expression(text: string): PathResult {
  const regex = searching(text.slice(1));
  const wrong = wrongRegex([regex]);
  return wrong === undefined ? { matches: [onPath({ kind: "regex", value: regex })] } : { refused: wrong };
}

/** An ALB path pattern, "*" any characters and "?" one. */
function pattern(text: string): PathResult {
  if (text === "*" || text === "/*") return { matches: [onPath({ kind: "prefix", value: "/" })] };
  if (!/[*?]/.test(text)) return { matches: [onPath({ kind: "exact", value: text })] };
  const start = text.slice(0, -1);
  const isPrefix = text.endsWith("*") && !/[*?]/.test(start);
  return { matches: [onPath(isPrefix ? startsWith(start) : { kind: "regex", value: wildcards(text) })] };
}

/** Without listen-ports it is served on both listeners: the edge has them anyway. */
function schemes({ metadata }: ObjectOf<"Ingress">, say: Say): Scheme[] | undefined {
  const listenPorts = metadata.annotations[LISTEN_PORTS];
  const redirect = metadata.annotations[SSL_REDIRECT];
  const ports = parseListenPorts(listenPorts ?? '[{"HTTP":80},{"HTTPS":443}]');
  if (typeof ports === "string") {
    say("error", annotationField(LISTEN_PORTS), `${ports}: the Ingress is left out`);
    return undefined;
  }
  if (metadata.annotations[VERSION] === "GRPC" && !ports.some(({ scheme }) => scheme === Scheme.HTTPS)) {
    say("warning", annotationField(LISTEN_PORTS), "has no HTTPS port, which an ALB needs for gRPC");
  }
  if (
    redirect === undefined ||
    ports.some(({ scheme, port }) => scheme === Scheme.HTTPS && `${port}` === redirect.trim())
  ) {
    return schemesOf(ports);
  }
  const reason = `"${redirect}" is not an HTTPS port of listen-ports: the Ingress is left out`;
  say("error", annotationField(SSL_REDIRECT), reason);
  return undefined;
}

/** A Service's annotation overrides the Ingress's. */
function hint(ingress: ObjectOf<"Ingress">, service: ObjectOf<"Service">, say: Say): OriginHint {
  const read = (name: string) => service.metadata.annotations[name] ?? ingress.metadata.annotations[name];
  const version = read(VERSION);
  const found = VERSIONS.find((known) => known === version);
  if (version !== undefined && found === undefined) {
    say("error", annotationField(VERSION), `must be HTTP1, HTTP2 or GRPC, not "${version}": ignored`);
  }
  return { protocol: found && PROTOCOLS[found], tls: tlsOf(read(PROTOCOL), say) };
}

function tlsOf(protocol: string | undefined, say: Say): boolean | undefined {
  if (protocol === undefined) return undefined;
  if (protocol === "HTTP" || protocol === "HTTPS") return protocol === "HTTPS";
  const advice = protocol.toUpperCase() === "GRPC" ? `; gRPC is ${VERSION}: GRPC` : "";
  say("error", annotationField(PROTOCOL), `must be HTTP or HTTPS, not "${protocol}": ignored${advice}`);
  return undefined;
}
