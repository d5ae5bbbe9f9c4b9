import type { ServicePort } from "../../objects/core.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { annotationField } from "../annotations.ts";
import type { BackendTarget } from "../backends.ts";
import { findPort, noSuchPort, useBackend } from "../backends.ts";
import type { Context } from "../context.ts";
import { sayAbout } from "../context.ts";
import { covers } from "../hostnames.ts";
import { isAmong } from "./annotations.ts";
import type { Dialect, Reading } from "./dialect.ts";

/** What a Service's name and port point at, for annotations that name several. */
export function targetOf(reading: Reading, name: string, port: number | string): BackendTarget | string {
  const { context, ingress } = reading;
  const { namespace } = ingress.metadata;
  const service = context.objects.get("Service", namespace, name);
  if (service === undefined) return `there is no Service ${namespace}/${name}`;
  const servicePort = findPort(service, port);
  if (servicePort === undefined) return noSuchPort(service, port);
  return useService(reading, service, servicePort);
}

/** What a Service's port points at, spoken to as its annotations and the Ingress's say. */
export function useService(reading: Reading, service: ObjectOf<"Service">, port: ServicePort): BackendTarget {
  const { context, dialect } = reading;
  reportUnread(context, service, dialect);
  return useBackend(context, service, port, dialect.refer(reading, service, port));
}

/** Annotations of a Service that have the dialect's prefix, and that it does not read there. */
function reportUnread(context: Context, service: ObjectOf<"Service">, { prefix, read, readOfServices }: Dialect): void {
  if (prefix === "") return;
  const say = sayAbout(context, service);
  for (const annotation of Object.keys(service.metadata.annotations)) {
    const name = annotation.slice(prefix.length);
    if (!annotation.startsWith(prefix) || readOfServices?.includes(name) === true) continue;
    if (isAmong(read, name)) say("warning", annotationField(annotation), "is not read: only an Ingress may have it");
    else say("info", annotationField(annotation), "is not read of a Service");
  }
}

/** Whether a hostname is one of the hosts that an Ingress has a certificate for. */
export function hasTls({ spec }: ObjectOf<"Ingress">, hostname: string): boolean {
  return spec.tls.some(({ hosts }) => hosts.some((host) => covers(host, hostname)));
}
