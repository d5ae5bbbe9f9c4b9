import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { Listener, SecretRef } from "../../objects/gateway.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { addCertificate } from "../certificates.ts";
import type { Context, Say } from "../context.ts";
import { GATEWAY_CONTROLLER, sayAbout } from "../context.ts";
import { isGranted } from "./grants.ts";

/** A listener that the edge serves. */
export interface ServedListener {
  /** Index in the Gateway's spec.listeners. */
  readonly index: number;
  readonly spec: Listener;
  readonly scheme: Scheme;
}

export interface ServedGateway {
  readonly gateway: ObjectOf<"Gateway">;
  readonly listeners: readonly ServedListener[];
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map(
  Object.entries<Scheme>({ HTTP: Scheme.HTTP, HTTPS: Scheme.HTTPS }),
);

/** The Gateways that Edgeway serves, by "namespace/name", with their certificates noted. */
export function servedGateways(context: Context): ReadonlyMap<string, ServedGateway> {
  const served = new Map<string, ServedGateway>();
  for (const gateway of context.objects.all("Gateway")) {
    const say = sayAbout(context, gateway);
    if (!isAdopted(context, gateway, say)) continue;
    const { namespace, name } = gateway.metadata;
    served.set(`${namespace}/${name}`, { gateway, listeners: servedListeners(context, gateway, say) });
  }
  return served;
}

function isAdopted({ objects, options }: Context, { spec }: ObjectOf<"Gateway">, say: Say): boolean {
  if (options.adoptAll) return true;
  const found = objects.get("GatewayClass", "", spec.gatewayClassName);
  if (found?.spec.controllerName === GATEWAY_CONTROLLER) return true;
  if (found === undefined) {
    say("warning", "spec.gatewayClassName", `not adopted: there is no GatewayClass "${spec.gatewayClassName}"`);
  } else {
    const reason = `not adopted: GatewayClass "${found.metadata.name}" belongs to ${found.spec.controllerName}`;
    say("info", "spec.gatewayClassName", reason);
  }
  return false;
}

function servedListeners(context: Context, gateway: ObjectOf<"Gateway">, say: Say): ServedListener[] {
  const names = new Set<string>();
  return gateway.spec.listeners.flatMap((spec, index) => {
    const field = `spec.listeners[${index}]`;
    const scheme = SCHEMES.get(spec.protocol);
    if (scheme === undefined) {
      say("error", `${field}.protocol`, `"${spec.protocol}" is not supported, only HTTP and HTTPS: not served`);
      return [];
    }
    if (names.has(spec.name)) {
      say("error", `${field}.name`, `"${spec.name}" is the name of another listener: not served`);
      return [];
    }
    names.add(spec.name);
    if (scheme === Scheme.HTTPS && !readTls(context, gateway, spec, field, say)) return [];
    return [{ index, spec, scheme }];
  });
}

/** Notes the listener's certificates. Returns whether it can be served. */
function readTls(context: Context, gateway: ObjectOf<"Gateway">, spec: Listener, field: string, say: Say): boolean {
  if (spec.tls?.mode === "Passthrough") {
    say("error", `${field}.tls.mode`, "Passthrough is not supported: the edge ends TLS. Not served");
    return false;
  }
  if (spec.tls?.frontendValidation !== undefined) {
    say("error", `${field}.tls.frontendValidation`, "client certificates are not supported yet: not served");
    return false;
  }
  const refs = spec.tls?.certificateRefs ?? [];
  if (refs.length === 0) say("info", `${field}.tls`, "names no certificate: the edge presents its own");
  refs.forEach((ref, i) => {
    addListenerCertificate(context, gateway, spec, ref, (reason) =>
      say("error", `${field}.tls.certificateRefs[${i}]`, reason),
    );
  });
  return true;
}

function addListenerCertificate(
  context: Context,
  gateway: ObjectOf<"Gateway">,
  { hostname }: Listener,
  ref: SecretRef,
  refuse: (reason: string) => void,
): void {
  if (ref.group !== "" || ref.kind !== "Secret") {
    refuse(`${ref.kind} is not supported, only Secret`);
    return;
  }
  const secret = { kind: "Secret" as const, namespace: ref.namespace ?? gateway.metadata.namespace, name: ref.name };
  const from = { kind: "Gateway" as const, namespace: gateway.metadata.namespace };
  if (!isGranted(context.objects, { from, to: secret })) {
    refuse(`no ReferenceGrant in ${secret.namespace} lets Gateways of ${from.namespace} use Secret ${secret.name}`);
    return;
  }
  addCertificate(context, secret, hostname === undefined ? [] : [hostname], refuse);
}
