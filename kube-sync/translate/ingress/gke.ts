import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ServicePort } from "../../objects/core.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Problem } from "../../objects/read.ts";
import { mapOf, string } from "../../objects/read.ts";
import { startsWith } from "../match.ts";
import type { OriginHint, Reference } from "../origin.ts";
import type { Dialect, PathResult, Reading } from "./dialect.ts";
import { onPath, standardPath } from "./dialect.ts";
import { annotationField } from "../annotations.ts";
import { configuredBackend, configuredFilters, configuredPolicies } from "./gke-backend-config.ts";

const APP_PROTOCOLS = ["service.alpha.kubernetes.io/app-protocols", "cloud.google.com/app-protocols"] as const;
const ALLOW_HTTP = "kubernetes.io/ingress.allow-http";
const FRONTEND_CONFIG = "networking.gke.io/v1beta1.FrontendConfig";

/** Of Google's load balancer itself: the edge has its own address and certificates. */
const INFRASTRUCTURE = [
  "kubernetes.io/ingress.global-static-ip-name",
  "kubernetes.io/ingress.regional-static-ip-name",
  "networking.gke.io/managed-certificates",
  "ingress.gcp.kubernetes.io/pre-shared-cert",
];

const PROTOCOLS: ReadonlyMap<string, OriginHint> = new Map(
  Object.entries<OriginHint>({
    HTTP: { protocol: "http1", tls: false },
    HTTPS: { protocol: "http1", tls: true },
    // TLS, and gRPC or not: Google's load balancer does not ask.
    HTTP2: { protocol: "http2", tls: true },
  }),
);

/** FrontendConfig's redirects. */
const CODES: ReadonlyMap<string, number> = new Map([
  ["MOVED_PERMANENTLY_DEFAULT", 301],
  ["FOUND", 302],
  ["SEE_OTHER", 303],
  ["TEMPORARY_REDIRECT", 307],
  ["PERMANENT_REDIRECT", 308],
]);

/** github.com/kubernetes/ingress-gce, pkg/annotations. */
export const gke: Dialect = {
  name: "GKE",
  prefix: "",
  read: [],
  refused: new Map(),
  missed: [],
  wildcardIsOneLabel: true,
  schemes: ({ metadata }, say) => {
    const allow = metadata.annotations[ALLOW_HTTP];
    if (allow !== undefined && allow !== "true" && allow !== "false") {
      say("error", annotationField(ALLOW_HTTP), `must be "true" or "false", not "${allow}": ignored`);
    }
    return allow === "false" ? [Scheme.HTTPS] : [];
  },
  path,
  refer,
  policies: ({ context }, service, port) => configuredPolicies(context, service, port),
  redirect,
  filters: ({ context }, _path, service, port) =>
    service === undefined || port === undefined ? [] : configuredFilters(context, service, port),
  check: ({ ingress, say }) => {
    for (const name of INFRASTRUCTURE) {
      if (ingress.metadata.annotations[name] !== undefined)
        say("info", annotationField(name), "has no meaning at the edge");
    }
  },
};

/** ImplementationSpecific: "/*" at the end makes a prefix of characters; without it the path is exact. */
function path(given: Parameters<Dialect["path"]>[0]): PathResult {
  const { path: text = "/*", pathType } = given;
  if (pathType !== "ImplementationSpecific") return { matches: [standardPath(given)] };
  if (text === "/*") return { matches: [onPath({ kind: "prefix", value: "/" })] };
  if (!text.includes("*")) return { matches: [onPath({ kind: "exact", value: text })] };
  const start = text.slice(0, -1);
  return text.endsWith("/*") && !start.includes("*")
    ? { matches: [onPath(startsWith(start))] }
    : { refused: `can hold "*" only at its end, after "/": "${text}"` };
}

function redirect({ context, ingress }: Reading): { status: number } | undefined {
  const name = ingress.metadata.annotations[FRONTEND_CONFIG];
  const config =
    name === undefined ? undefined : context.objects.get("FrontendConfig", ingress.metadata.namespace, name);
  const redirects = config?.spec.redirectToHttps;
  return redirects?.enabled === true ? { status: CODES.get(redirects.responseCodeName) ?? 301 } : undefined;
}

/** A map in JSON, of texts; undefined when it is absent or wrong, which is reported. */
function readMap(text: string, say: (reason: string) => void): Readonly<Record<string, string>> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    say("is not JSON: ignored");
    return undefined;
  }
  const problems: Problem[] = [];
  const map = mapOf(string)(parsed, "", problems);
  if (problems[0] === undefined) return map;
  say(`${problems[0].field} ${problems[0].reason}: ignored`.trim());
  return undefined;
}

function refer(reading: Reading, service: ObjectOf<"Service">, port: ServicePort): Reference {
  const policies = configuredBackend(reading.context, service, port);
  return { ...appProtocol(reading, service, port), ...(Object.keys(policies).length > 0 && { policies }) };
}

/** By the port's name, or its number. The older annotation counts first. */
function appProtocol({ say }: Reading, service: ObjectOf<"Service">, port: ServicePort): OriginHint {
  const { annotations } = service.metadata;
  const name = APP_PROTOCOLS.find((each) => annotations[each] !== undefined);
  if (name === undefined) return {};
  const { namespace, name: own } = service.metadata;
  const sayService = (annotation: string, reason: string) =>
    say("error", "spec", `Service ${namespace}/${own} ${annotationField(annotation)} ${reason}`);
  const map = readMap(annotations[name] ?? "", (reason) => sayService(name, reason));
  const protocol = map?.[port.name] ?? map?.[port.port];
  if (protocol === undefined) return {};
  const hint = PROTOCOLS.get(protocol);
  if (hint === undefined) sayService(name, `must be HTTP, HTTPS or HTTP2, not "${protocol}": ignored`);
  return hint ?? {};
}
