import type { ServicePort } from "../../objects/core.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { keyOf } from "../../objects/object.ts";
import { isEndpointHost } from "../../../routes/syntax.ts";
import { authoritiesOf } from "../certificates.ts";
import type { Context } from "../context.ts";
import { sayAbout } from "../context.ts";
import { compareText } from "../../report.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { OriginTlsInit } from "../origin-tls.ts";
import type { Condition } from "../status.ts";
import { conditionsOf } from "../status.ts";
import { GATEWAY_CONTROLLER } from "../context.ts";
import type { AttachedRoute } from "./attach.ts";

/** BackendTLSPolicy: how Gateway API says that a Service's ports are reached over TLS. */

type Policy = ObjectOf<"BackendTLSPolicy">;
type TargetRef = Policy["spec"]["targetRefs"][number];

/** The policy that a Service's port has: one for that very port before one for all. */
export function policyFor(
  objects: ObjectIndex,
  service: ObjectOf<"Service">,
  { name }: ServicePort,
): Policy | undefined {
  const policies = objects.tlsPoliciesOf(service);
  if (policies.length === 0) return undefined;
  return holder(policies, service.metadata.name, name) ?? holder(policies, service.metadata.name, undefined);
}

/** Gateway API: of policies for the same the oldest holds, or of one age the first by name. */
function holder(policies: readonly Policy[], service: string, section: string | undefined): Policy | undefined {
  const own = policies.filter(({ spec }) => spec.targetRefs.some((ref) => isFor(ref, service, section)));
  return own.toSorted(
    ({ metadata: a }, { metadata: b }) => a.createdSeconds - b.createdSeconds || compareText(a.name, b.name),
  )[0];
}

function isFor({ group, kind, name, sectionName }: TargetRef, service: string, section: string | undefined): boolean {
  return group === "" && kind === "Service" && name === service && sectionName === section;
}

/** Gateway API's reasons of the conditions Accepted and ResolvedRefs of a policy. */
interface Invalid {
  readonly field: string;
  readonly reason: "Invalid" | "InvalidKind" | "InvalidCACertificateRef";
  readonly message: string;
}

/** What a policy asks of an origin's certificate, or why it cannot be asked. */
export function validationOf(
  objects: ObjectIndex,
  { metadata, spec }: Policy,
): { readonly tls: OriginTlsInit } | Invalid {
  const { hostname, caCertificateRefs, wellKnownCACertificates, subjectAltNames } = spec.validation;
  const refuse = (field: string, message: string, reason: Invalid["reason"] = "Invalid"): Invalid => ({
    field: `spec.validation.${field}`,
    reason,
    message,
  });
  if (!isEndpointHost(hostname)) return refuse("hostname", `must be a lower-case host name, not "${hostname}"`);
  if (wellKnownCACertificates !== undefined && wellKnownCACertificates !== "System")
    return refuse("wellKnownCACertificates", `must be System, not "${wellKnownCACertificates}"`);
  let caCertificates = "";
  for (const [i, { group, kind, name }] of caCertificateRefs.entries()) {
    const field = `caCertificateRefs[${i}]`;
    if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret"))
      return refuse(field, `${kind} is not supported, only ConfigMap and Secret`, "InvalidKind");
    const found = authoritiesOf(objects, { kind, namespace: metadata.namespace, name });
    if ("wrong" in found) return refuse(field, found.wrong, "InvalidCACertificateRef");
    caCertificates += found.pem;
  }
  const names = subjectAltNames.map(({ hostname: host, uri }) => uri ?? host ?? "");
  return { tls: { serverName: hostname, caCertificates, subjectAltNames: names } };
}

/** The statuses of all policies, for each Gateway with routes to what they are for. */
export function addPolicyStatuses(context: Context, routes: readonly AttachedRoute[]): void {
  const policies = context.objects.all("BackendTLSPolicy");
  if (policies.length === 0) return;
  const gateways = gatewaysOfServices(routes);
  for (const policy of policies) {
    const { namespace } = policy.metadata;
    const own = policy.spec.targetRefs.flatMap(({ name }) => [...(gateways.get(`${namespace}/${name}`) ?? [])]);
    context.unit("policy status", policy, [...new Set(own)].toSorted(), (inner) => addStatus(inner, policy, own));
  }
}

/** By "namespace/name" of a Service, those of the Gateways whose routes lead to it. */
function gatewaysOfServices(routes: readonly AttachedRoute[]): ReadonlyMap<string, ReadonlySet<string>> {
  const gateways = new Map<string, Set<string>>();
  for (const { route, parents } of routes) {
    const own = parents.flatMap((parent) =>
      parent.reason === "Accepted" ? parent.attached.map(({ gateway }) => gateway.gateway.metadata) : [],
    );
    for (const { backendRefs } of route.spec.rules) {
      for (const { namespace = route.metadata.namespace, name } of backendRefs) {
        const service = `${namespace}/${name}`;
        const known = gateways.get(service) ?? new Set();
        for (const gateway of own) known.add(`${gateway.namespace}/${gateway.name}`);
        gateways.set(service, known);
      }
    }
  }
  return gateways;
}

function addStatus(context: Context, policy: Policy, gateways: readonly string[]): void {
  const { metadata, spec } = policy;
  const say = sayAbout(context, policy);
  const conditions = conditionsFor(context.objects, policy, (field, message) => say("error", field, message));
  if (spec.options !== undefined) say("info", "spec.options", "is not read: there are none that Edgeway has");
  const ancestors = [...new Set(gateways)].toSorted().map((key) => {
    const [namespace = "", name = ""] = key.split("/");
    const ancestorRef = { group: "gateway.networking.k8s.io", kind: "Gateway", namespace, name };
    return { ancestorRef, controllerName: GATEWAY_CONTROLLER, conditions };
  });
  const { namespace, name } = metadata;
  if (ancestors.length > 0) context.statuses.push({ kind: "BackendTLSPolicy", namespace, name, ancestors });
}

function conditionsFor(
  objects: ObjectIndex,
  policy: Policy,
  say: (field: string, message: string) => void,
): Condition[] {
  const { metadata, spec } = policy;
  const { yes, no } = conditionsOf(metadata.generation);
  const validation = validationOf(objects, policy);
  if (!("tls" in validation)) {
    const { field, reason, message } = validation;
    say(field, `${message}: what it is for gets no calls`);
    if (reason === "Invalid") return [no("Accepted", "Invalid", message), yes("ResolvedRefs")];
    return [no("Accepted", "NoValidCACertificate", message), no("ResolvedRefs", reason, message)];
  }
  const all = objects.all("BackendTLSPolicy").filter((other) => other.metadata.namespace === metadata.namespace);
  for (const [i, { name, sectionName }] of spec.targetRefs.entries()) {
    const held = holder(all, name, sectionName);
    if (held === undefined || keyOf(held) === keyOf(policy)) continue;
    const message = `BackendTLSPolicy ${held.metadata.name} came first for Service ${name}: that holds`;
    say(`spec.targetRefs[${i}]`, message);
    return [no("Accepted", "Conflicted", message), yes("ResolvedRefs")];
  }
  return [yes("Accepted"), yes("ResolvedRefs")];
}
