/** What agents are told by an edge that knows nobody who may push. */

const message = "nobody can push to this edge: set EDGEWAY_SYNC_TOKEN or a list of clusters";

/** In Connect's form, which other callers take by its HTTP status. */
export function nobodyCanPush(): Response {
  return Response.json({ code: "failed_precondition", message }, { status: 400 });
}
