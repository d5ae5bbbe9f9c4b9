import { forms, framingHeaders } from "../../../routes/syntax.ts";
import type { BackendConfigSpec } from "../../objects/clouds.ts";
import type { ServicePort } from "../../objects/core.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { either, mapOf, part, string } from "../../objects/read.ts";
import { annotationField } from "../annotations.ts";
import type { Context, FilterInit, Say } from "../context.ts";
import { sayAbout } from "../context.ts";
import type { BackendPolicies } from "../service-policies.ts";
import type { CallPolicies } from "./dialect.ts";
import { readJson } from "./json.ts";

/** BackendConfig: what Google's load balancer does with the calls to a Service's port. */

const BACKEND_CONFIGS = ["cloud.google.com/backend-config", "beta.cloud.google.com/backend-config"] as const;

const names = part({ default: either(string, ""), ports: either(mapOf(string), {}) });

/** A port's BackendConfig; undefined: it has none. `wrong`: why its calls may not be served. */
function configOf(
  { objects }: Context,
  service: ObjectOf<"Service">,
  port: ServicePort,
): { readonly config: ObjectOf<"BackendConfig"> } | { readonly field: string; readonly wrong: string } | undefined {
  const { annotations, namespace } = service.metadata;
  const annotation = BACKEND_CONFIGS.find((each) => annotations[each] !== undefined);
  if (annotation === undefined) return undefined;
  const field = annotationField(annotation);
  const read = readJson(annotations[annotation] ?? "", names);
  const { default: usual, ports } = typeof read === "string" ? { default: "", ports: {} } : read.value;
  if (usual === "" && Object.keys(ports).length === 0)
    return { field, wrong: `${annotation} must be JSON such as {"default": "name"} or {"ports": {"80": "name"}}` };
  const name = ports[port.name] ?? ports[port.port] ?? usual;
  if (name === "") return undefined;
  const config = objects.get("BackendConfig", namespace, name);
  // It might say who may call.
  return config === undefined ? { field, wrong: `there is no BackendConfig ${namespace}/${name}` } : { config };
}

/** What it adds to calls; a string: why they may not be served. */
export function configuredFilters(
  context: Context,
  service: ObjectOf<"Service">,
  port: ServicePort,
): FilterInit[] | string {
  const found = configOf(context, service, port);
  if (found === undefined) return [];
  if ("wrong" in found) {
    sayAbout(context, service)("error", found.field, `${found.wrong}: its paths answer with an error`);
    return found.wrong;
  }
  return filtersOf(found.config.spec, sayAbout(context, found.config));
}

function filtersOf(spec: BackendConfigSpec, say: Say): FilterInit[] | string {
  for (const name of ["cdn", "logging"] as const) {
    if (spec[name] !== undefined) say("info", `spec.${name}`, "is not carried: it has no meaning at the edge");
  }
  if (spec.connectionDraining !== undefined)
    say("info", "spec.connectionDraining", "is not carried: calls under way go on for as long as they take");
  const refuse = (field: string, what: string): string => {
    const reason = `${what} is not supported: who may call cannot be told`;
    say("error", field, `${reason}, so its paths answer with an error`);
    return reason;
  };
  if (isEnabled(spec.iap)) return refuse("spec.iap", "Identity-Aware Proxy");
  if (spec.securityPolicy !== undefined && spec.securityPolicy.name !== "")
    return refuse("spec.securityPolicy", "Cloud Armor");
  return [
    ...headerFilter("requestHeaders", "customRequestHeaders", spec, say),
    ...headerFilter("responseHeaders", "customResponseHeaders", spec, say),
  ];
}

function headerFilter(
  kind: "requestHeaders" | "responseHeaders",
  field: "customRequestHeaders" | "customResponseHeaders",
  spec: BackendConfigSpec,
  say: Say,
): FilterInit[] {
  const set = (spec[field]?.headers ?? []).flatMap((line) => {
    const [, name = "", value = ""] = /^([^:]+):\s*(.*?)\s*$/.exec(line) ?? [];
    const header = name.toLowerCase();
    // Google's variables, such as {client_region}.
    const isSettable = !/\{\w+\}/.test(value) && forms.headerName.holds(header) && !framingHeaders.has(header);
    if (isSettable && forms.headerValue.holds(value)) return [{ name: header, value }];
    say("error", `spec.${field}.headers`, `"${line}" cannot be set at the edge: left out`);
    return [];
  });
  return set.length === 0 ? [] : [{ filter: { case: kind, value: { set } } }];
}

function isEnabled(value: unknown): boolean {
  return typeof value === "object" && value !== null && "enabled" in value && value.enabled === true;
}

/** How its calls are made: their time, and sessions by a cookie. */
export function configuredPolicies(context: Context, service: ObjectOf<"Service">, port: ServicePort): CallPolicies {
  const found = configOf(context, service, port);
  if (found === undefined || "wrong" in found) return {};
  const { timeoutSec, sessionAffinity } = found.config.spec;
  const say = sayAbout(context, found.config);
  if (timeoutSec !== undefined) say("info", "spec.timeoutSec", "an answer that has begun is not cut");
  const seconds = sessionAffinity?.affinityCookieTtlSec ?? 0;
  return {
    ...(timeoutSec !== undefined && { timeouts: { requestMs: Math.min(timeoutSec, MAX_SECONDS) * 1000 } }),
    ...(sessionAffinity?.affinityType === "GENERATED_COOKIE" && {
      session: {
        carrier: { case: "cookie", value: "GCLB" },
        absoluteTimeoutSeconds: seconds,
        permanent: seconds > 0,
      },
    }),
  };
}

/** What the edge's timers take. */
const MAX_SECONDS = 2_147_483;

/** How its endpoints are checked and chosen. */
export function configuredBackend(context: Context, service: ObjectOf<"Service">, port: ServicePort): BackendPolicies {
  const found = configOf(context, service, port);
  if (found === undefined || "wrong" in found) return {};
  const { healthCheck, sessionAffinity } = found.config.spec;
  const say = sayAbout(context, found.config);
  const affinity = sessionAffinity?.affinityType ?? "NONE";
  if (!["NONE", "CLIENT_IP", "GENERATED_COOKIE"].includes(affinity))
    say("warning", "spec.sessionAffinity.affinityType", `${affinity} is not carried: calls go to any endpoint`);
  return {
    ...(affinity === "CLIENT_IP" && {
      loadBalancing: { policy: { case: "consistentHash", value: { key: { case: "source", value: true } } } },
    }),
    ...(healthCheck && { healthCheck: checkOf(healthCheck, say) }),
  };
}

/** Google's defaults for what a BackendConfig leaves open; status 200 and no other counts as well. */
function checkOf(
  check: NonNullable<BackendConfigSpec["healthCheck"]>,
  say: Say,
): NonNullable<BackendPolicies["healthCheck"]> {
  if (check.type !== undefined)
    say("info", "spec.healthCheck.type", "checks are made as calls are: over TLS and HTTP/2 if these are");
  return {
    check: { case: "http", value: { path: check.requestPath, statuses: [{ first: 200, last: 200 }] } },
    port: check.port,
    intervalMs: check.checkIntervalSec * 1000,
    timeoutMs: check.timeoutSec * 1000,
    healthyThreshold: check.healthyThreshold,
    unhealthyThreshold: check.unhealthyThreshold,
  };
}
