/** Metadata values of names that end in `-bin` are base64 (grpc/doc/PROTOCOL-HTTP2.md, Custom-Metadata). */
import { isBase64 } from "./base64.ts";

/**
 * Whether `value` may stand for the metadata `name`. Some clients and servers give up their whole connection over a
 * `-bin` value that is no base64 (CVE-2023-32731), so none may reach a connection that calls share.
 */
export function isValidMetadata(name: string, value: string): boolean {
  if (!name.endsWith("-bin")) return true;
  return value.includes(",") ? value.split(",").every((one) => isBase64(one.trim())) : isBase64(value);
}
