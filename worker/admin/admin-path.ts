/** Where what the edge serves about itself stands: a file of its own for hosts that load the rest later. */
export const adminPath = "/_edgeway";
