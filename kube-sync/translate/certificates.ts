import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ObjectOf } from "../objects/object.ts";
import type { Context } from "./context.ts";

/** A certificate that listeners present. */
export interface Certificate {
  /** By server name; empty: any. */
  readonly hostnames: readonly string[];
  /** Leaf first. */
  readonly chainPem: string;
  readonly keyPem: string;
  /** The Secret. */
  readonly source: { readonly kind: "Secret"; readonly namespace: string; readonly name: string };
}

/** Secrets with certificates: of the type that Kubernetes has for them, or any, as Istio takes them too. */
type SecretForm = "kubernetes.io/tls" | "any";

/** Adds the certificate of a Secret for some server names, or says why it cannot. */
export function addCertificate(
  { objects, certificates }: Context,
  { namespace, name }: { namespace: string; name: string },
  hostnames: readonly string[],
  refuse: (reason: string) => void,
  form: SecretForm = "kubernetes.io/tls",
): void {
  const secret = objects.get("Secret", namespace, name);
  if (secret === undefined) {
    refuse(`there is no Secret ${namespace}/${name}`);
    return;
  }
  const pair = readPair(secret, form);
  if (typeof pair === "string") {
    refuse(`Secret ${namespace}/${name}: ${pair}`);
    return;
  }
  certificates.push({ hostnames, ...pair, source: { kind: "Secret", namespace, name } });
}

/** Checked, as one bad certificate must not stop a listener. Returns what is wrong, if something is. */
function readPair(secret: ObjectOf<"Secret">, form: SecretForm): { chainPem: string; keyPem: string } | string {
  if (form !== "any" && secret.type !== form) return `its type is ${secret.type}, not kubernetes.io/tls`;
  const istio = form === "any" && valueOf(secret, "tls.crt") === "";
  const chainPem = valueOf(secret, istio ? "cert" : "tls.crt");
  const keyPem = valueOf(secret, istio ? "key" : "tls.key");
  if (chainPem === "") return "tls.crt is missing";
  if (keyPem === "") return "tls.key is missing";
  try {
    const certificate = new X509Certificate(chainPem);
    if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) return "tls.key is not the key of tls.crt";
  } catch {
    return "tls.crt and tls.key must be a PEM certificate and its private key, in base64";
  }
  return { chainPem, keyPem };
}

function valueOf({ data, stringData }: ObjectOf<"Secret">, key: string): string {
  return stringData[key] ?? Buffer.from(data[key] ?? "", "base64").toString("utf8");
}
