import { anything, checked, either, list, listOrEmpty, object, oneOf, optional, part, string } from "./read.ts";

const localRef = { group: either(string, ""), kind: string, name: string };

const subjectAltName = checked(
  object({ type: oneOf("Hostname", "URI"), hostname: optional(string), uri: optional(string) }),
  ({ type, hostname, uri }) => {
    const field = type === "URI" ? "uri" : "hostname";
    return (type === "URI" ? uri : hostname) === undefined
      ? { field, reason: `is missing: the type is ${type}` }
      : undefined;
  },
);

const validation = checked(
  object({
    caCertificateRefs: listOrEmpty(object(localRef)),
    wellKnownCACertificates: optional(string),
    hostname: string,
    subjectAltNames: listOrEmpty(subjectAltName),
  }),
  ({ caCertificateRefs, wellKnownCACertificates }) =>
    caCertificateRefs.length > 0 === (wellKnownCACertificates !== undefined)
      ? { reason: "must have either caCertificateRefs or wellKnownCACertificates" }
      : undefined,
);

/** gateway.networking.k8s.io/v1 BackendTLSPolicy. */
export const backendTlsPolicy = part({
  spec: object({
    targetRefs: list(object({ ...localRef, sectionName: optional(string) })),
    validation,
    options: optional(anything),
  }),
});
