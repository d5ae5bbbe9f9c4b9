import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ObjectOf } from "../../objects/object.ts";
import type { Say } from "../context.ts";
import type { OriginHint } from "../origin.ts";
import type { Dialect } from "./dialect.ts";
import { annotationField, leaveOutCanary, standardPath } from "./dialect.ts";
import { parseListenPorts, schemesOf } from "./listen-ports.ts";

const PREFIX = "alb.ingress.kubernetes.io/";
const PROTOCOL = `${PREFIX}backend-protocol`;
const LISTEN_PORTS = `${PREFIX}listen-ports`;
const SSL_REDIRECT = `${PREFIX}ssl-redirect`;

const PROTOCOLS: ReadonlyMap<string, OriginHint> = new Map(
  Object.entries<OriginHint>({
    http: { protocol: "http1", tls: false },
    https: { protocol: "http1", tls: true },
    grpc: { protocol: "grpc", tls: false },
  }),
);

/**
 * Alibaba Cloud's ALB Ingress controller: AWS's prefix, another grammar. Source: its Ingress configuration dictionary.
 */
export const alibaba: Dialect = {
  name: "Alibaba ALB",
  prefix: PREFIX,
  read: ["backend-protocol", "listen-ports", "ssl-redirect"],
  refused: ["actions.", "conditions.", "rewrite-target", "use-regex"],
  leftOut: leaveOutCanary(PREFIX),
  wildcardIsOneLabel: false,
  schemes,
  // Documented: ImplementationSpecific is the same as Exact.
  path: (path) => {
    const { path: text = "/", pathType } = path;
    if (/[*?]/.test(text)) return { refused: `the pattern "${text}" is not supported yet` };
    return pathType === "ImplementationSpecific"
      ? { path: { case: "exactPath", value: text } }
      : { path: standardPath(path) };
  },
  hint: ({ metadata }, _service, say) => {
    const protocol = metadata.annotations[PROTOCOL];
    if (protocol === undefined) return {};
    const found = PROTOCOLS.get(protocol);
    if (found === undefined) {
      say("error", annotationField(PROTOCOL), `must be http, https or grpc, not "${protocol}": ignored`);
    }
    return found ?? {};
  },
};

/** Absent: HTTPS 443 if the Ingress has TLS hosts, else HTTP 80. The edge serves the latter on both. */
function schemes({ metadata, spec }: ObjectOf<"Ingress">, say: Say): Scheme[] | undefined {
  const listenPorts = metadata.annotations[LISTEN_PORTS];
  const hasTls = spec.tls.some(({ hosts }) => hosts.length > 0);
  const ports = parseListenPorts(listenPorts ?? (hasTls ? '[{"HTTPS":443}]' : '[{"HTTP":80},{"HTTPS":443}]'));
  if (typeof ports === "string") {
    say("error", annotationField(LISTEN_PORTS), `${ports}: the Ingress is left out`);
    return undefined;
  }
  if (metadata.annotations[PROTOCOL] === "grpc" && !ports.some(({ scheme }) => scheme === Scheme.HTTPS)) {
    say("warning", annotationField(LISTEN_PORTS), "has no HTTPS port, which an ALB needs for gRPC");
  }
  if (metadata.annotations[SSL_REDIRECT] !== "true") return schemesOf(ports);
  say("warning", annotationField(SSL_REDIRECT), "calls over HTTP are not redirected yet: they find no route");
  return [Scheme.HTTPS];
}
