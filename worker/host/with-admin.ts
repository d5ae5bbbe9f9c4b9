/** What the edge serves about itself, before what it serves for others. */
import { adminPath } from "../admin/admin-path.ts";
import type { Handler } from "../call/http.ts";

/** `gateway`, but for what is below adminPath. */
export function withAdmin(admin: Handler | undefined, gateway: Handler): Handler {
  if (admin === undefined) return gateway;
  return (request, answer) => (request.head.path.startsWith(`${adminPath}/`) ? admin : gateway)(request, answer);
}
