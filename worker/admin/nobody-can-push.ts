/** What agents are told by an edge that knows nobody who may push. */

import { passOver } from "./request-body.ts";

/** In Connect's form, which other callers take by its HTTP status. */
export async function nobodyCanPush(
  request: Request,
  why = "set EDGEWAY_SYNC_TOKEN or a list of clusters",
): Promise<Response> {
  await passOver(request);
  const message = `nobody can push to this edge: ${why}`;
  return Response.json({ code: "failed_precondition", message }, { status: 400 });
}
