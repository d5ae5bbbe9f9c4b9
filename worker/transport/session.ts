/**
 * Sessions (Gateway API, GEP-1619): a caller's calls stay with the endpoint that took the first. The caller keeps the
 * endpoint's id, which tells nothing of its address, and where sessions end, when this one began.
 */
import type { SessionPersistence } from "../../routes/policies.ts";
import { Fields } from "../call/fields.ts";
import type { RequestHead } from "../call/http.ts";
import type { Session } from "./routing.ts";

/** What `head` says of its session at `now`, Unix milliseconds. */
export function sessionOf(policy: SessionPersistence, head: RequestHead, now: number): Session {
  const limit = policy.absoluteTimeoutSeconds;
  const seconds = Math.floor(now / 1000);
  const value = policy.carrier === "cookie" ? cookieOf(head.fields, policy.name) : head.fields.get(policy.name);
  const [, id, begun] = /^([0-9a-f]{16})(?:\.([0-9a-z]{1,8}))?$/.exec(value ?? "") ?? [];
  const over = limit !== undefined && (begun === undefined || seconds - parseInt(begun, 36) >= limit);
  const age = policy.permanent && limit !== undefined ? `; Max-Age=${limit}` : "";
  return {
    carrier: policy.carrier,
    name: policy.name,
    endpoint: over ? undefined : id,
    suffix: limit === undefined ? "" : `.${seconds.toString(36)}`,
    attributes: cookieAttributes(head) + age,
  };
}

/** Of a cookie that the edge sets for its own use: no script reads it, and it stays within TLS if it came by it. */
export function cookieAttributes({ scheme }: RequestHead): string {
  return `; Path=/; HttpOnly; SameSite=Lax${scheme === "https" ? "; Secure" : ""}`;
}

/** `fields` of an answer with what the caller is to come back with. */
export function withSession(fields: Fields, session: Session, id: string): Fields {
  const value = id + session.suffix;
  const field =
    session.carrier === "cookie"
      ? ["set-cookie", `${session.name}=${value}${session.attributes}`]
      : [session.name, value];
  return new Fields([...fields.flat, ...field], fields.neverIndexed);
}

/** The value of the cookie `name`, if a request has one (RFC 6265 section 5.4). */
export function cookieOf(fields: Fields, name: string): string | undefined {
  const all = fields.joined("cookie");
  if (all === undefined) return undefined;
  for (const pair of all.split(";")) {
    const equals = pair.indexOf("=");
    if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
