/**
 * What whoever has the console's token may ask of a call by header fields: to be told how it was routed, and to be routed
 * as for another host, as a page can set neither host nor authority.
 */
import { Fields } from "./call/fields.ts";
import type { HttpResponse, RequestHead } from "./call/http.ts";
import type { Planned } from "./plan.ts";

/** Holds the token in a request; in its answer, the decision as JSON. */
export const explainHeader = "x-edgeway-explain";
/** Stands for the authority of a request that has the token, or for its scheme too: "https://host". */
const hostHeader = "x-edgeway-host";

/**
 * The request without these fields, and for the host that it asks for. Undefined if it has not got the token.
 *
 * @param token undefined or empty: nobody has it
 */
export function inspected(head: RequestHead, token: string | undefined): RequestHead | undefined {
  if (!token) return undefined;
  const shown = head.fields.get(explainHeader);
  if (shown === undefined || !sameText(shown, token)) return undefined;
  const { flat, neverIndexed } = head.fields;
  const kept: string[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] !== explainHeader && flat[i] !== hostHeader) kept.push(flat[i]!, flat[i + 1]!);
  }
  const [, scheme, host] = /^(?:(https?):\/\/)?(.+)$/.exec(head.fields.get(hostHeader) ?? "") ?? [];
  return {
    ...head,
    scheme: scheme === undefined ? head.scheme : scheme === "https" ? "https" : "http",
    authority: host ?? head.authority,
    fields: new Fields(kept, neverIndexed),
  };
}

/** Takes the same time wherever two texts of one length differ. */
function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < b.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

/** How a call was routed, as a header field's value: JSON in ASCII. */
export function decisionOf(planned: Planned, revision: bigint): string {
  const json = JSON.stringify({ revision: String(revision), ...outcomeOf(planned) });
  return json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function outcomeOf(planned: Planned): Record<string, unknown> {
  if (planned.plan === undefined) return { rule: planned.rule ?? null, error: planned.error?.message };
  const { rule, backend } = planned.plan;
  return { rule, backend };
}

export function withDecision({ head, body }: HttpResponse, decision: string): HttpResponse {
  const { flat, neverIndexed } = head.fields;
  return { head: { ...head, fields: new Fields([...flat, explainHeader, decision], neverIndexed) }, body };
}
