/** Where a call has its token: what is checked, and what an origin gets, go by the same. */
import type { Jwt } from "../../routes/policies.ts";
import type { Fields } from "../call/fields.ts";

export interface Token {
  /** The header field. */
  readonly name: string;
  readonly text: string;
}

/** Why nobody should look for a token: another reader might find another one. */
export interface Unclear {
  readonly why: string;
}

/**
 * The first token in the rule's header fields; of `authorization` a bearer's alone (RFC 6750 section 2.1), which other
 * credentials may have for themselves. Undefined: there is none.
 */
export function tokenOf({ headers }: Jwt, fields: Fields): Token | Unclear | undefined {
  let first: Token | undefined;
  for (const name of headers) {
    const value = fields.get(name)?.trim() ?? "";
    if (isRepeated(name, fields)) return { why: `the call has more than one ${name}` };
    const [, bearer] = /^bearer +([^\s,]+)$/i.exec(value) ?? [];
    if (bearer === undefined && /^bearer/i.test(value)) return { why: `${name} has no well-formed bearer token` };
    const text = bearer ?? (name === "authorization" ? "" : value);
    if (text !== "") first ??= { name, text };
  }
  return first;
}

/** The rule's header fields that no origin is to get: of several tokens only one was checked. */
export function hiddenFields(jwt: Jwt, fields: Fields): readonly string[] {
  if (!jwt.forward) return jwt.headers;
  const token = tokenOf(jwt, fields);
  if (token === undefined) return [];
  return jwt.headers.filter((name) => (!("name" in token) || name !== token.name) && fields.has(name));
}

function isRepeated(name: string, { flat }: Fields): boolean {
  let count = 0;
  for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) count++;
  return count > 1;
}
