/** Plain HTTP: whatever no RPC protocol claims. */
import type { RequestHead } from "../../call/http.ts";
import type { HttpCaller } from "../caller.ts";

export function httpCaller(head: RequestHead): HttpCaller {
  return { protocol: "http", bodiless: head.method === "HEAD" };
}
