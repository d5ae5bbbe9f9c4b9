import type { ObjectOf } from "../../objects/object.ts";
import type { Context, Say } from "../context.ts";
import { INGRESS_CONTROLLER } from "../context.ts";
import { alibaba } from "./alibaba.ts";
import { aws } from "./aws.ts";
import { classNameOf, classOf, LEGACY_CLASS } from "./class-of.ts";
import type { Dialect } from "./dialect.ts";

import { gke } from "./gke.ts";
import { nginx } from "./nginx.ts";
import { plain } from "./plain.ts";
import { annotationField } from "../annotations.ts";

/** The dialect of an IngressClass, by its `spec.controller`; any other is plain. */
const CONTROLLERS: ReadonlyMap<string, Dialect> = new Map(
  Object.entries<Dialect>({
    "ingress.k8s.aws/alb": aws,
    "ingress.k8s.alibabacloud/alb": alibaba,
    "k8s.io/ingress-nginx": nginx,
  }),
);

/** GKE has no IngressClass: its controller goes by these names, or takes an Ingress without any. */
const GKE_CLASSES: ReadonlySet<string> = new Set(["gce", "gce-internal", "gce-multi-cluster", "gce-regional-external"]);
const GKE_ANNOTATIONS =
  /^(networking\.gke\.io|cloud\.google\.com|ingress\.gcp\.kubernetes\.io|kubernetes\.io\/ingress\.(allow-http|.*-static-ip-name))/;

/** The dialect in which to read an Ingress; undefined when it is not Edgeway's to serve, which is then reported. */
export function dialectOf(context: Context, ingress: ObjectOf<"Ingress">, say: Say): Dialect | undefined {
  const { options } = context;
  const specName = ingress.spec.ingressClassName;
  const name = classNameOf(ingress);
  const field = specName === undefined && name !== undefined ? annotationField(LEGACY_CLASS) : "spec.ingressClassName";
  const isNamed = (given: string | undefined) => given !== undefined && options.adoptClasses?.has(given) === true;
  const found = classOf(context, ingress);
  if (found !== undefined) {
    const { controller } = found.spec;
    if (controller === INGRESS_CONTROLLER || options.adoptAll || isNamed(found.metadata.name))
      return CONTROLLERS.get(controller) ?? plain;
    const className = found.metadata.name;
    const reason = `not adopted: IngressClass "${className}" belongs to ${controller}`;
    say("info", field, reason, { passedOver: { className } });
    return undefined;
  }
  if (!options.adoptAll && !isNamed(name)) {
    if (name === undefined) {
      const reason = "not adopted: it names no class, and no IngressClass is the default";
      say("info", field, reason, { passedOver: {} });
    } else {
      const reason = `not adopted: there is no IngressClass "${name}"`;
      say("warning", field, reason, { passedOver: { className: name } });
    }
    return undefined;
  }
  const isGke = name === undefined ? isOfGke(context, ingress) : GKE_CLASSES.has(name);
  return isGke ? gke : guess(ingress, name, say, field);
}

/** An Ingress without a class, with annotations of GKE's on it or on its Services. */
function isOfGke({ objects }: Context, { metadata, spec }: ObjectOf<"Ingress">): boolean {
  const paths = spec.rules.flatMap(({ http }) => http?.paths ?? []);
  const names = [spec.defaultBackend, ...paths.map(({ backend }) => backend)].flatMap(
    (each) => each?.service?.name ?? [],
  );
  const services = names.map((name) => objects.get("Service", metadata.namespace, name));
  const annotations = [metadata, ...services.map((service) => service?.metadata)].flatMap((each) =>
    Object.keys(each?.annotations ?? {}),
  );
  return annotations.some((name) => GKE_ANNOTATIONS.test(name));
}

/**
 * A class that is not among the objects, or none, by its usual name or else by the annotations. Both ALB controllers
 * usually call theirs "alb", and only Alibaba's has backend protocols in lower case.
 */
function guess({ metadata }: ObjectOf<"Ingress">, name: string | undefined, say: Say, field: string): Dialect {
  const has = (prefix: string) => Object.keys(metadata.annotations).some((each) => each.startsWith(prefix));
  const missing = name === undefined ? "it names no class" : `there is no IngressClass "${name}"`;
  if (name === "nginx" || (name !== "alb" && !has(aws.prefix) && has(nginx.prefix))) {
    say("warning", field, `${missing}: read as ${nginx.name}`);
    return nginx;
  }
  if (name === "alb" || has(aws.prefix)) {
    const protocol = metadata.annotations[`${alibaba.prefix}backend-protocol`];
    const dialect = protocol !== undefined && /^[a-z]+$/.test(protocol) ? alibaba : aws;
    say("warning", field, `${missing} that would tell AWS from Alibaba: read as ${dialect.name}`);
    return dialect;
  }
  if (name !== undefined) say("warning", field, `${missing}: read as a plain Ingress`);
  return plain;
}
