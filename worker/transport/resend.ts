/** The head of a call that is sent again, or late. */
import { Fields } from "../call/fields.ts";
import type { RequestHead } from "../call/http.ts";
import { formatGrpcTimeout } from "../wire/timeout.ts";

/** What a call's deadline is told by, with what is written for the milliseconds that are left. */
const deadlines: ReadonlyMap<string, (ms: number) => string> = new Map([
  ["grpc-timeout", formatGrpcTimeout],
  ["connect-timeout-ms", (ms) => String(Math.max(1, Math.floor(ms)))],
]);

const attempts = "grpc-previous-rpc-attempts";

/**
 * `head` with what is left until the deadline, and, for a call, how often it was tried before (gRFC A6).
 *
 * @param previous 0: not at all, and what the caller says of that stays
 * @param leftMs Infinity if there is no deadline
 */
export function headAgain(head: RequestHead, previous: number, leftMs: number): RequestHead {
  const flat: string[] = [];
  for (const [name, value] of head.fields) {
    if (name === attempts && previous > 0) continue;
    const format = leftMs === Infinity ? undefined : deadlines.get(name);
    flat.push(name, format === undefined ? value : format(leftMs));
  }
  const counts = previous > 0 && head.fields.get("content-type")?.startsWith("application/grpc") === true;
  if (counts) flat.push(attempts, String(previous));
  return { ...head, fields: new Fields(flat, head.fields.neverIndexed) };
}
