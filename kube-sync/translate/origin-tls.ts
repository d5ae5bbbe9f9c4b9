import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OriginTlsSchema } from "../../proto/gen/edgeway/v1/policy_pb.js";
import { isEndpointHost } from "../../routes/syntax.ts";
import type { ServicePort } from "../objects/core.ts";
import type { ObjectOf } from "../objects/object.ts";
import { Annotations, textOf, VITAL_OF_SERVICES } from "./annotations.ts";
import { authoritiesOf, pairOf } from "./certificates.ts";
import type { Context } from "./context.ts";
import { sayAbout } from "./context.ts";
import { policyFor, validationOf } from "./gateway/backend-tls.ts";

export type OriginTlsInit = Exclude<MessageInitShape<typeof OriginTlsSchema>, { $typeName: string }>;

/** How an origin is known over TLS; or why it cannot be told, and then it gets no calls. */
export type OriginTls = { readonly tls: OriginTlsInit } | { readonly invalid: string };

/** A BackendTLSPolicy for the Service's port, or else its annotations. Undefined: they say nothing of TLS. */
export function serviceTls(context: Context, service: ObjectOf<"Service">, port: ServicePort): OriginTls | undefined {
  const policy = policyFor(context.objects, service, port);
  if (policy === undefined) return annotatedTls(context, service);
  const validation = validationOf(context.objects, policy);
  return "tls" in validation ? validation : { invalid: validation.message };
}

const name = textOf("a name", (value) => value !== "");
const serverName = textOf("a lower-case host name", isEndpointHost);

/** What cannot be read must hold, too: rather than trust or show more than was meant, the Service gets no calls. */
function annotatedTls(context: Context, service: ObjectOf<"Service">): OriginTls | undefined {
  const annotations = new Annotations(service, sayAbout(context, service), VITAL_OF_SERVICES);
  if (!VITAL_OF_SERVICES.some((each) => annotations.has(each))) return undefined;
  const { namespace } = service.metadata;
  const tls: OriginTlsInit = {};
  let invalid: string | undefined;
  const fail = (each: (typeof VITAL_OF_SERVICES)[number], reason: string) => {
    annotations.wrong(each, `${reason}: it gets no calls`);
    invalid ??= reason;
  };
  for (const [each, kind] of [["ca-configmap", "ConfigMap"] as const, ["ca-secret", "Secret"] as const]) {
    const found = annotations.get(each, name);
    if (found === undefined) continue;
    const authorities = authoritiesOf(context.objects, { kind, namespace, name: found });
    if ("wrong" in authorities) fail(each, authorities.wrong);
    else tls.caCertificates = (tls.caCertificates ?? "") + authorities.pem;
  }
  const client = annotations.get("client-cert-secret", name);
  if (client !== undefined) {
    const pair = pairOf(context.objects, { namespace, name: client }, "any");
    if ("wrong" in pair) fail("client-cert-secret", pair.wrong);
    else [tls.clientCertificate, tls.clientKey] = [pair.chainPem, pair.keyPem];
  }
  tls.serverName = annotations.get("server-name", serverName) ?? "";
  invalid ??= annotations.fault(VITAL_OF_SERVICES);
  return invalid === undefined ? { tls } : { invalid };
}
