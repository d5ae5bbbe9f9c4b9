import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ObjectOf } from "../../objects/object.ts";
import type { Say } from "../context.ts";
import type { OriginHint } from "../origin.ts";
import type { Dialect, PathResult } from "./dialect.ts";
import { annotationField, standardPath } from "./dialect.ts";
import { parseListenPorts, schemesOf } from "./listen-ports.ts";

const PREFIX = "alb.ingress.kubernetes.io/";
const VERSION = `${PREFIX}backend-protocol-version`;
const PROTOCOL = `${PREFIX}backend-protocol`;
const LISTEN_PORTS = `${PREFIX}listen-ports`;
const SSL_REDIRECT = `${PREFIX}ssl-redirect`;

const VERSIONS = ["HTTP1", "HTTP2", "GRPC"] as const;
const PROTOCOLS = { HTTP1: "http1", HTTP2: "http2", GRPC: "grpc" } as const;

/** AWS Load Balancer Controller, docs/guide/ingress/annotations.md. */
export const aws: Dialect = {
  name: "AWS ALB",
  prefix: PREFIX,
  read: ["backend-protocol-version", "backend-protocol", "listen-ports", "ssl-redirect"],
  refused: [
    "actions.",
    "conditions.",
    "transforms.",
    "use-regex-path-match",
    "jwt-validation",
    "auth-type",
    "mutual-authentication",
    "inbound-cidrs",
  ],
  wildcardIsOneLabel: false,
  schemes,
  path: (path) => {
    const { path: text = "/*", pathType } = path;
    if (pathType === "ImplementationSpecific") return pattern(text);
    return /[*?]/.test(text)
      ? { refused: `cannot hold "*" or "?" when pathType is ${pathType}: "${text}"` }
      : { path: standardPath(path) };
  },
  hint,
};

/** An ALB path pattern, "*" any characters and "?" one. Those that are neither exact path nor prefix are refused. */
function pattern(text: string): PathResult {
  if (!/[*?]/.test(text)) return { path: { case: "exactPath", value: text } };
  if (text === "*" || text === "/*") return { path: { case: "pathPrefix", value: "/" } };
  const prefix = text.slice(0, -2);
  if (!text.endsWith("/*") || /[*?]/.test(prefix)) return { refused: `the pattern "${text}" is not supported yet` };
  return { path: { case: "pathPrefix", value: prefix }, note: `"${text}" also takes "${prefix}" itself` };
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
  if (redirect === undefined) return schemesOf(ports);
  if (!ports.some(({ scheme, port }) => scheme === Scheme.HTTPS && `${port}` === redirect.trim())) {
    say(
      "error",
      annotationField(SSL_REDIRECT),
      `"${redirect}" is not an HTTPS port of listen-ports: the Ingress is left out`,
    );
    return undefined;
  }
  say("warning", annotationField(SSL_REDIRECT), "calls over HTTP are not redirected yet: they find no route");
  return [Scheme.HTTPS];
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
