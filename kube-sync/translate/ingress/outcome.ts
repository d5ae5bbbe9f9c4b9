import type { IngressBackend, IngressPath } from "../../objects/ingress.ts";
import { findPort, noSuchPort } from "../backends.ts";
import { invalidTarget } from "../context.ts";
import { meshBehind } from "../istio/mesh.ts";
import type { Action, BackendName, CallPolicies, Reading } from "./dialect.ts";
import { useService } from "./targets.ts";

/** What becomes of a backend's calls: one rule; or what the mesh behind it does, if there is one. */
export type Outcome =
  | { readonly rule: Action & CallPolicies; readonly refused?: true }
  | { readonly mesh: NonNullable<ReturnType<typeof meshBehind>> };

export function refusal(reason: string): Outcome {
  return { ...invalid(reason), refused: true };
}

export function invalid(reason: string): { readonly rule: Action } {
  return { rule: { backends: [{ target: invalidTarget(reason), weight: 1 }] } };
}

export function outcomeOf(
  reading: Reading,
  backend: IngressBackend,
  field: string,
  path: IngressPath | undefined,
): Outcome {
  const { dialect, refused } = reading;
  const named = backend.service && nameOfBackend(backend.service);
  const guards = refused ?? (named && dialect.guards?.(reading, named)) ?? [];
  if (typeof guards === "string") return refusal(guards);
  const outcome = unguarded(reading, backend, field, path);
  if (guards.length === 0) return outcome;
  const guarded = <R extends Action>(rule: R): R => ({ ...rule, filters: [...guards, ...(rule.filters ?? [])] });
  if ("rule" in outcome) return { ...outcome, rule: guarded(outcome.rule) };
  return { mesh: outcome.mesh.map((each) => ({ ...each, rule: guarded(each.rule) })) };
}

function nameOfBackend({ name, port }: NonNullable<IngressBackend["service"]>): BackendName {
  return { name, port: port.number ?? port.name ?? "" };
}

function unguarded(reading: Reading, backend: IngressBackend, field: string, path: IngressPath | undefined): Outcome {
  const { context, ingress, dialect, say } = reading;
  const fail = (at: string, reason: string): Outcome => {
    say("error", at, reason);
    return invalid(reason);
  };
  if (backend.service === undefined) return fail(`${field}.resource`, "only a Service can be a backend");
  const { name, port: wanted } = nameOfBackend(backend.service);
  const action = dialect.action?.(reading, { name, port: wanted });
  if (action !== undefined) return typeof action === "string" ? refusal(action) : { rule: action };
  const { namespace } = ingress.metadata;
  const service = context.objects.get("Service", namespace, name);
  const servicePort = service && findPort(service, wanted);
  const filters = dialect.filters?.(reading, path, service, servicePort) ?? [];
  if (typeof filters === "string") return refusal(filters);
  if (service === undefined) return fail(`${field}.service.name`, `there is no Service ${namespace}/${name}`);
  if (servicePort === undefined) return fail(`${field}.service.port`, noSuchPort(service, wanted));
  const mesh = meshBehind(context, service, servicePort);
  if (mesh !== undefined) {
    const reason = `no VirtualService is bound to the mesh behind Service ${namespace}/${name}: it serves nothing`;
    if (mesh.length === 0) say("warning", field, reason);
    return { mesh };
  }
  const target = useService(reading, service, servicePort);
  const policies = dialect.policies?.(reading, service, servicePort);
  return { rule: { ...(filters.length === 0 ? {} : { filters }), backends: [{ target, weight: 1 }], ...policies } };
}
