/** Durable Objects as others ask them. */
import type { DurableObjectStub } from "@cloudflare/workers-types";

/** The runtime's own Request and Response, which its types tell from Node's of the same name. */
export const fetchObject = (stub: DurableObjectStub, ...args: Parameters<typeof fetch>): Promise<Response> =>
  (stub as unknown as { fetch: typeof fetch }).fetch(...args);

/**
 * Asks an object, and once more if it was lost: a deployment, an update of the runtime or a move ends it in the middle of
 * what it does, and a new stub finds the next one. For what may be done twice.
 */
export async function askTwice<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (isOverloaded(cause)) throw cause;
    return ask();
  }
}

/** The object lives, and cannot keep up (developers.cloudflare.com/durable-objects/best-practices/error-handling). */
export function isOverloaded(cause: unknown): boolean {
  return (cause as { readonly overloaded?: boolean } | undefined)?.overloaded === true;
}
