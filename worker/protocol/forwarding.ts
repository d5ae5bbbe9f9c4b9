/**
 * What proxies say of a request's way: whom it is from, and how he asked. Anybody can write it, so no origin gets but the
 * edge's own word (docs/security.md).
 */
import { Fields } from "../call/fields.ts";
import type { RequestHead } from "../call/http.ts";

const names: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-client-cert",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-scheme",
  "x-forwarded-server",
  "x-forwarded-ssl",
  "x-real-ip",
]);

export function hasForwarding({ flat }: Fields): boolean {
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    const first = name.charCodeAt(0);
    // Most names begin with neither "f" nor "x", and need not be hashed.
    if ((first === 0x78 || first === 0x66) && names.has(name)) return true;
  }
  return false;
}

export function withoutForwarding({ flat, neverIndexed }: Fields): Fields {
  const kept = flat.filter((_, i) => !names.has(flat[i - (i % 2)]!));
  return kept.length === 0 ? Fields.empty : new Fields(kept, neverIndexed);
}

/** `fields` with what the edge knows of the request `head` from `address`; empty: nobody knows. */
export function withForwarding(fields: Fields, { scheme, authority }: RequestHead, address: string): Fields {
  const flat = [...(hasForwarding(fields) ? withoutForwarding(fields) : fields).flat];
  // IPv4 on a socket for both (RFC 4291 section 2.5.5.2) is what it is elsewhere.
  if (address !== "") flat.push("x-forwarded-for", address.replace(/^::ffff:(?=[\d.]+$)/i, ""));
  flat.push("x-forwarded-proto", scheme);
  if (authority !== "") flat.push("x-forwarded-host", authority);
  return new Fields(flat, fields.neverIndexed);
}
