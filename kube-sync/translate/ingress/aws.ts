import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ObjectOf } from "../../objects/object.ts";
import type { Say } from "../context.ts";
import { searching, startsWith, wildcards, wrongRegex } from "../match.ts";
import { awsAction } from "./aws-actions.ts";
import { refusedByParams } from "./aws-class-params.ts";
import { awsGuards, awsTransforms } from "./aws-guards.ts";
import { awsPolicies, awsReference, TARGET_GROUP_ANNOTATIONS } from "./aws-origin.ts";
import { awsConditions } from "./aws-conditions.ts";
import { arrangeGroup, checkGroup, groups, redirectPortOf } from "./aws-groups.ts";
import type { Dialect, PathResult, Reading } from "./dialect.ts";
import { annotationOf, onPath, standardPath } from "./dialect.ts";
import { parseListenPorts, schemesOf } from "./listen-ports.ts";
import { annotationField } from "../annotations.ts";

const PREFIX = "alb.ingress.kubernetes.io/";
const VERSION = `${PREFIX}backend-protocol-version`;
const LISTEN_PORTS = `${PREFIX}listen-ports`;
const CERTIFICATE = `${PREFIX}certificate-arn`;
const SSL_REDIRECT = `${PREFIX}ssl-redirect`;

/** AWS Load Balancer Controller, docs/guide/ingress/annotations.md. */
export const aws: Dialect = {
  name: "AWS ALB",
  prefix: PREFIX,
  read: [
    "listen-ports",
    "certificate-arn",
    "ssl-redirect",
    "group.name",
    "group.order",
    "actions.",
    "conditions.",
    "use-regex-path-match",
    "transforms.",
    "jwt-validation",
    "auth-type",
    ...TARGET_GROUP_ANNOTATIONS,
  ],
  readOfServices: ["auth-type", ...TARGET_GROUP_ANNOTATIONS],
  refused: new Map([
    // By the guards, as a Service may have another than its Ingress.
    ["auth-type", ["none"]],
    ["mutual-authentication", []],
    ["inbound-cidrs", ["0.0.0.0/0", "0.0.0.0/0,::/0", "0.0.0.0/0, ::/0"]],
  ]),
  missed: ["load-balancer-attributes", "security-groups", "wafv2-acl-arn", "waf-acl-id"],
  wildcardIsOneLabel: false,
  schemes,
  path,
  refer: awsReference,
  policies: awsPolicies,
  guards: (reading, backend) => refusedByParams(reading) ?? awsGuards(reading, backend),
  action: (reading, backend) => {
    const action = awsAction(reading, backend);
    if (action === undefined || typeof action === "string") return action;
    const transforms = awsTransforms(reading, backend.name);
    return typeof transforms === "string"
      ? transforms
      : { ...action, filters: [...(action.filters ?? []), ...transforms] };
  },
  filters: (reading, _path, service) => (service === undefined ? [] : awsTransforms(reading, service.metadata.name)),
  conditions: awsConditions,
  redirect: (reading) => {
    const port = redirectPortOf(reading);
    return port === undefined ? undefined : { status: 301, port };
  },
  check: checkGroup,
  groups,
  arrange: arrangeGroup,
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

/** Without listen-ports it is HTTPS if there is a certificate, and else both listeners: the edge has them anyway. */
function schemes({ metadata }: ObjectOf<"Ingress">, say: Say): Scheme[] | undefined {
  const listenPorts = metadata.annotations[LISTEN_PORTS];
  const redirect = metadata.annotations[SSL_REDIRECT];
  const hasCertificate = metadata.annotations[CERTIFICATE] !== undefined;
  if (hasCertificate) say("info", annotationField(CERTIFICATE), "is not read: the edge has certificates of its own");
  const ports = parseListenPorts(listenPorts ?? (hasCertificate ? '[{"HTTPS":443}]' : '[{"HTTP":80},{"HTTPS":443}]'));
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
