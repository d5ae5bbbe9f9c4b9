import type { ObjectOf } from "../../objects/object.ts";
import type { BackendTarget } from "../backends.ts";
import { findPort, noSuchPort, useBackend } from "../backends.ts";
import { covers } from "../hostnames.ts";
import type { Reading } from "./dialect.ts";

/** What a Service's name and port point at, for annotations that name several. */
export function targetOf(reading: Reading, name: string, port: number | string): BackendTarget | string {
  const { context, ingress, dialect } = reading;
  const { namespace } = ingress.metadata;
  const service = context.objects.get("Service", namespace, name);
  if (service === undefined) return `there is no Service ${namespace}/${name}`;
  const servicePort = findPort(service, port);
  if (servicePort === undefined) return noSuchPort(service, port);
  return useBackend(context, service, servicePort, dialect.refer(reading, service, servicePort));
}

/** Whether a hostname is one of the hosts that an Ingress has a certificate for. */
export function hasTls({ spec }: ObjectOf<"Ingress">, hostname: string): boolean {
  return spec.tls.some(({ hosts }) => hosts.some((host) => covers(host, hostname)));
}
