import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BackendRefSchema } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../../routes/syntax.ts";
import type { IngressBackend } from "../../objects/ingress.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { findPort, noSuchPort } from "../backends.ts";
import { addCertificate } from "../certificates.ts";
import type { Context, RuleInit, Say } from "../context.ts";
import { invalidTarget, sayAbout } from "../context.ts";
import { getOrAdd } from "../object-index.ts";
import { dialectOf } from "./class.ts";
import type { Dialect, PathResult } from "./dialect.ts";
import { annotationField } from "./dialect.ts";

type BackendRefInit = MessageInitShape<typeof BackendRefSchema>;

/** An Ingress that is being translated. */
interface Reading {
  readonly context: Context;
  readonly ingress: ObjectOf<"Ingress">;
  readonly dialect: Dialect;
  readonly say: Say;
  /** Why none of it may be served. */
  readonly refused: string | undefined;
}

/**
 * Each host of an Ingress becomes a route of one table rule for each path. The default backend becomes a rule for every
 * host, which is weaker than any rule of a host; and for hosts without paths it is their only rule.
 */
export function translateIngress(context: Context, ingress: ObjectOf<"Ingress">): void {
  const say = sayAbout(context, ingress);
  const dialect = dialectOf(context, ingress, say);
  if (dialect === undefined) return;
  const leftOut = dialect.leftOut?.(ingress);
  if (leftOut !== undefined) {
    say("error", annotationField(leftOut.annotation), leftOut.reason);
    return;
  }
  const reading = { context, ingress, dialect, say, refused: readAnnotations(ingress, dialect, say) };
  const { spec, metadata } = ingress;
  const schemes = dialect.schemes(ingress, say);
  if (schemes === undefined) return;
  for (const [host, rules] of rulesByHost(reading)) {
    if (rules.length === 0) continue;
    context.routes.push({
      key: `Ingress/${metadata.namespace}/${metadata.name}/${host === "" ? "*" : host}`,
      source: { kind: "Ingress", namespace: metadata.namespace, name: metadata.name },
      createdSeconds: BigInt(metadata.createdSeconds),
      hostnames: host === "" ? [] : [host],
      schemes,
      rules,
    });
  }
  spec.tls.forEach(({ hosts, secretName }, i) => {
    if (secretName === undefined) return;
    const secret = { namespace: metadata.namespace, name: secretName };
    addCertificate(context, secret, hosts, (reason) => say("error", `spec.tls[${i}].secretName`, reason));
  });
}

function rulesByHost(reading: Reading): Map<string, RuleInit[]> {
  const { spec } = reading.ingress;
  const byHost = new Map<string, RuleInit[]>();
  spec.rules.forEach(({ host = "", http }, index) => {
    const rules = getOrAdd(byHost, host, () => []);
    if (host.startsWith("*.") && reading.dialect.wildcardIsOneLabel) {
      reading.say("info", `spec.rules[${index}].host`, `"${host}" also takes hosts with more than one label before it`);
    }
    if (http !== undefined) rules.push(...pathRules(reading, index));
    else if (spec.defaultBackend !== undefined) rules.push(defaultRule(reading, spec.defaultBackend, index));
    else reading.say("warning", `spec.rules[${index}]`, "has neither paths nor a default backend: it serves nothing");
  });
  if (spec.defaultBackend !== undefined) {
    getOrAdd(byHost, "", () => []).push(defaultRule(reading, spec.defaultBackend, spec.rules.length));
  }
  if (byHost.size === 0) reading.say("warning", "spec", "has neither rules nor a default backend: it serves nothing");
  return byHost;
}

function pathRules(reading: Reading, index: number): RuleInit[] {
  const { dialect, say } = reading;
  const paths = reading.ingress.spec.rules[index]?.http?.paths ?? [];
  return paths.flatMap((path, i) => {
    const field = `spec.rules[${index}].http.paths[${i}]`;
    const result = checkForm(dialect.path(path));
    if (result.path === undefined) {
      say("error", `${field}.path`, `${result.refused}; left out`);
      return [];
    }
    if (result.note !== undefined) say("info", `${field}.path`, result.note);
    return [
      { index, matches: [{ path: result.path }], backends: [backendRef(reading, path.backend, `${field}.backend`)] },
    ];
  });
}

function checkForm(result: PathResult): PathResult {
  const path = result.path?.value;
  return typeof path === "string" && !forms.path.holds(path) ? { refused: `must be ${forms.path.says}` } : result;
}

function defaultRule(reading: Reading, backend: IngressBackend, index: number): RuleInit {
  return { index, backends: [backendRef(reading, backend, "spec.defaultBackend")] };
}

function backendRef(reading: Reading, backend: IngressBackend, field: string): BackendRefInit {
  const { context, ingress, dialect, say } = reading;
  const invalid = (at: string, reason: string): BackendRefInit => {
    say("error", at, reason);
    return { target: invalidTarget(reason), weight: 1 };
  };
  if (reading.refused !== undefined) return { target: invalidTarget(reading.refused), weight: 1 };
  if (backend.service === undefined) return invalid(`${field}.resource`, "only a Service can be a backend");
  const { name, port } = backend.service;
  const refused = dialect.refused.find((key) => `${dialect.prefix}${key}${name}` in ingress.metadata.annotations);
  if (refused !== undefined) {
    const annotation = `${dialect.prefix}${refused}${name}`;
    return invalid(annotationField(annotation), `${annotation} is not supported yet`);
  }
  const service = context.objects.get("Service", ingress.metadata.namespace, name);
  if (service === undefined) {
    return invalid(`${field}.service.name`, `there is no Service ${ingress.metadata.namespace}/${name}`);
  }
  const wanted = port.number ?? port.name ?? "";
  const servicePort = findPort(service, wanted);
  if (servicePort === undefined) return invalid(`${field}.service.port`, noSuchPort(service, wanted));
  const hint = dialect.hint(ingress, service, say);
  return { target: context.backends.use(service, servicePort, hint), weight: 1 };
}

/** Reports annotations that are not read. Returns why the Ingress cannot be served, if one of them forbids it. */
function readAnnotations({ metadata }: ObjectOf<"Ingress">, dialect: Dialect, say: Say): string | undefined {
  let reason: string | undefined;
  for (const annotation of Object.keys(metadata.annotations)) {
    const field = annotationField(annotation);
    if (!annotation.includes(".ingress.kubernetes.io/")) continue;
    if (dialect.prefix === "" || !annotation.startsWith(dialect.prefix)) {
      say("warning", field, `is not read: it means nothing to the class of this Ingress (${dialect.name})`);
      continue;
    }
    const name = annotation.slice(dialect.prefix.length);
    const isOfOneService = dialect.refused.some((key) => key.endsWith(".") && name.startsWith(key));
    if (isOfOneService || dialect.read.includes(name)) continue;
    if (dialect.refused.includes(name)) {
      reason ??= `${annotation} is not supported yet`;
      say("error", field, `${annotation} is not supported yet: all its paths answer with an error`);
    } else {
      say("info", field, "is not read: it has no meaning at the edge, or none yet");
    }
  }
  return reason;
}
