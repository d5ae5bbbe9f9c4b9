import { X509Certificate } from "node:crypto";
import { pairOf } from "../certificates.ts";
import type { Context } from "../context.ts";
import type { OriginTls } from "../origin-tls.ts";
import { credentialNames, secretNamespace, type Server } from "./servers.ts";

/**
 * How the edge knows a mesh's gateway over TLS. Before a mesh, load balancers take any certificate; the edge need not, as
 * the cluster holds the very certificate that the gateway presents: one of the mesh's own making is what it trusts, and
 * one of a public issuer is checked as any other. It asks for a host that the server has, where the certificate is for it.
 */
export function entryTls(context: Context, { gateway, spec, hosts }: Server): OriginTls | undefined {
  const [name] = credentialNames(spec.tls);
  if (name === undefined) return undefined;
  const pair = pairOf(context.objects, { namespace: secretNamespace(context, gateway, name), name }, "any");
  if ("wrong" in pair) return undefined;
  const chain = certificatesOf(pair.chainPem);
  const [own] = chain;
  if (own === undefined) return undefined;
  const roots = chain.filter((each) => each.checkIssued(each));
  const exact = hosts
    .map(({ hostname }) => hostname)
    .filter((hostname) => !hostname.startsWith("*") && hostname !== "");
  const serverName = exact.find((hostname) => own.checkHost(hostname) !== undefined) ?? firstName(own);
  return { tls: { serverName, caCertificates: roots.map((each) => each.toString()).join("") } };
}

/** Those of a chain that can be read: the edge says what is wrong with others. */
function certificatesOf(chainPem: string): X509Certificate[] {
  const texts = chainPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return texts.map((text) => new X509Certificate(text));
  } catch {
    return [];
  }
}

/** The first name that it is for, one label in the place of a wildcard's; empty if it is for none. */
function firstName({ subjectAltName = "", subject }: X509Certificate): string {
  const [, name = ""] = /(?:^|, )DNS:([^,]+)/.exec(subjectAltName) ?? /(?:^|\n)CN=([^\n]+)/.exec(subject) ?? [];
  return name.toLowerCase().replace(/^\*/, "edge");
}
