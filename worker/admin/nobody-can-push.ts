/** What agents are told by an edge that knows nobody who may push. */

/** In Connect's form, which other callers take by its HTTP status. */
export function nobodyCanPush(why = "set EDGEWAY_SYNC_TOKEN or a list of clusters"): Response {
  const message = `nobody can push to this edge: ${why}`;
  return Response.json({ code: "failed_precondition", message }, { status: 400 });
}
