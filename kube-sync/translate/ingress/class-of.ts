import type { ObjectOf } from "../../objects/object.ts";
import type { Context } from "../context.ts";

export const LEGACY_CLASS = "kubernetes.io/ingress.class";
const DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class";

/** The name of an Ingress's class, as it gives it. */
export function classNameOf({ metadata, spec }: ObjectOf<"Ingress">): string | undefined {
  return spec.ingressClassName ?? metadata.annotations[LEGACY_CLASS];
}

/** An Ingress's class, the default one if it names none. */
export function classOf({ objects }: Context, ingress: ObjectOf<"Ingress">): ObjectOf<"IngressClass"> | undefined {
  const name = classNameOf(ingress);
  return name === undefined
    ? objects.all("IngressClass").find(({ metadata }) => metadata.annotations[DEFAULT_CLASS] === "true")
    : objects.get("IngressClass", "", name);
}
