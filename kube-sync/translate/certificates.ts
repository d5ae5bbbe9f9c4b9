import { createPrivateKey, X509Certificate } from "node:crypto";
import { forms } from "../../routes/syntax.ts";
import type { ObjectOf } from "../objects/object.ts";
import type { Context } from "./context.ts";
import type { ObjectIndex } from "./object-index.ts";

/** A certificate that listeners present. */
export interface Certificate {
  /** By server name; empty: any. */
  readonly hostnames: readonly string[];
  /** Leaf first. */
  readonly chainPem: string;
  readonly keyPem: string;
  /** The Secret. */
  readonly source: { readonly kind: "Secret"; readonly namespace: string; readonly name: string };
  /** The object with the listener, and the listener's name or index in it. */
  readonly listener: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly part: string;
  };
  /** Whose client certificates are asked for. */
  readonly clients?: ClientCertificates;
}

export interface ClientCertificates {
  readonly caPem: string;
  /** Whether callers may do without one. */
  readonly optional: boolean;
}

/** Secrets with certificates: of the type that Kubernetes has for them, or any, as Istio takes them too. */
type SecretForm = "kubernetes.io/tls" | "any";

interface Name {
  readonly namespace: string;
  readonly name: string;
}

interface Pair {
  readonly chainPem: string;
  readonly keyPem: string;
}

/** Adds the certificate of a Secret for some server names, or says why it cannot. */
export function addCertificate(
  { objects, certificates }: Context,
  { namespace, name }: Name,
  use: Pick<Certificate, "hostnames" | "listener" | "clients">,
  refuse: (reason: string) => void,
  form: SecretForm = "kubernetes.io/tls",
): void {
  const pair = pairOf(objects, { namespace, name }, form);
  if ("wrong" in pair) refuse(pair.wrong);
  else certificates.push({ ...use, ...pair, source: { kind: "Secret", namespace, name } });
}

/** The certificate and key of a Secret, checked, as one that is bad must not stop a listener. */
export function pairOf(
  objects: ObjectIndex,
  { namespace, name }: Name,
  form: SecretForm,
): Pair | { readonly wrong: string } {
  const secret = objects.get("Secret", namespace, name);
  if (secret === undefined) return { wrong: `there is no Secret ${namespace}/${name}` };
  const pair = readPair(secret, form);
  return typeof pair === "string" ? { wrong: `Secret ${namespace}/${name}: ${pair}` } : pair;
}

/** What is wrong, if something is. */
function readPair(secret: ObjectOf<"Secret">, form: SecretForm): Pair | string {
  if (form !== "any" && secret.type !== form) return `its type is ${secret.type}, not kubernetes.io/tls`;
  const istio = form === "any" && valueOf(secret, "tls.crt") === "";
  const chainPem = valueOf(secret, istio ? "cert" : "tls.crt");
  const keyPem = valueOf(secret, istio ? "key" : "tls.key");
  if (chainPem === "") return "tls.crt is missing";
  if (keyPem === "") return "tls.key is missing";
  if (!forms.certificates.holds(chainPem)) return `tls.crt must be ${forms.certificates.says}`;
  if (!forms.privateKey.holds(keyPem)) return `tls.key must be ${forms.privateKey.says}`;
  try {
    const certificate = new X509Certificate(chainPem);
    if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) return "tls.key is not the key of tls.crt";
  } catch {
    return "tls.crt and tls.key must be a PEM certificate and its private key, in base64";
  }
  return { chainPem, keyPem };
}

/** Istio has an authority's certificate under "cacert", all others under "ca.crt". */
const AUTHORITY_KEYS = ["ca.crt", "cacert"];

/** The certificates of authorities in a ConfigMap or a Secret, checked. */
export function authoritiesOf(
  objects: ObjectIndex,
  { kind, namespace, name }: Name & { readonly kind: "ConfigMap" | "Secret" },
): { readonly pem: string } | { readonly wrong: string } {
  const from = `${kind} ${namespace}/${name}`;
  const object = objects.find(kind, namespace, name);
  if (object?.kind !== "Secret" && object?.kind !== "ConfigMap") return { wrong: `there is no ${from}` };
  const [text] = AUTHORITY_KEYS.map((key) =>
    object.kind === "Secret" ? valueOf(object, key) : (object.data[key] ?? ""),
  ).filter((value) => value !== "");
  if (text === undefined) return { wrong: `${from}: ca.crt is missing` };
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const certificate of certificates) void new X509Certificate(certificate);
    const pem = certificates.map((certificate) => `${certificate}\n`).join("");
    if (forms.certificates.holds(pem)) return { pem };
  } catch {
    // Reported below.
  }
  return { wrong: `${from}: ca.crt must be certificates in PEM` };
}

function valueOf({ data, stringData }: ObjectOf<"Secret">, key: string): string {
  return stringData[key] ?? Buffer.from(data[key] ?? "", "base64").toString("utf8");
}
