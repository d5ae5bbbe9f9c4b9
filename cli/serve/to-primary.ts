/** `/_edgeway/` as workers answer it: by the process that has the table. */
import type { Handler } from "../../worker/call/http.ts";
import { fetchHandler } from "../../worker/host/fetch-handler.ts";

export function toPrimary(port: number): Handler {
  return fetchHandler((request) => {
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(`http://127.0.0.1:${port}${pathname}${search}`, request));
  });
}
