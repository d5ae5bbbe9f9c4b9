import { create } from "@bufbuild/protobuf";
import type { Certificate as CertificateMessage } from "../../proto/gen/edgeway/v1/table_pb.js";
import { CertificateSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { Annotations, flag, reportUnknown } from "./annotations.ts";
import type { Certificate } from "./certificates.ts";
import type { Context } from "./context.ts";
import { sayAbout } from "./context.ts";

const AGENT_NAMESPACE = "edgeway-system";

/** Whether the cluster is being drained: by annotation on the Namespace that the agent runs in. */
export function isDrained(context: Context): boolean {
  const name = context.options.agentNamespace ?? AGENT_NAMESPACE;
  return context.unit("drain", "", [], (own) => {
    const namespace = own.objects.get("Namespace", "", name);
    if (namespace === undefined) return false;
    const say = sayAbout(own, namespace);
    reportUnknown(namespace, say);
    return new Annotations(namespace, say).get("drain", flag) ?? false;
  });
}

/** The listeners' certificates as the table has them. Keys leave the cluster only where that is asked for. */
export function pushedCertificates(context: Context): CertificateMessage[] {
  const { options, certificates } = context;
  if (options.pushCertificates !== true) return [];
  return withoutGaps(certificates).map((certificate) =>
    context.unit("certificate", certificate, [], () => messageOf(certificate)),
  );
}

/** Where callers of a host must show a certificate, no listener of the same host may let them in without. */
function withoutGaps(certificates: readonly Certificate[]): readonly Certificate[] {
  const asking = certificates.filter(({ clients }) => clients !== undefined);
  if (asking.length === 0) return certificates;
  const hostnames = new Set(asking.flatMap((certificate) => certificate.hostnames));
  return certificates.filter(
    ({ clients, hostnames: own }) => clients !== undefined || !own.some((hostname) => hostnames.has(hostname)),
  );
}

function messageOf({ hostnames, chainPem, keyPem, listener, source, clients }: Certificate): CertificateMessage {
  const { kind, namespace, name, part } = listener;
  return create(CertificateSchema, {
    key: `${kind}/${namespace}/${name}/${part}/${source.namespace}/${source.name}`,
    source: { kind, namespace, name },
    hostnames: [...hostnames],
    chain: chainPem,
    privateKey: keyPem,
    clientCa: clients?.caPem ?? "",
    clientOptional: clients?.optional ?? false,
  });
}
