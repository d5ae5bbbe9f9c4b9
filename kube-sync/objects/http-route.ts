import { forms } from "../../routes/syntax.ts";
import { duration, hostname } from "./forms.ts";
import type { ReadOf } from "./read.ts";
import { checked, either, formed, integer, list, listOrEmpty, object, oneOf, optional, part, string } from "./read.ts";
import { backendRefs, filters, headerMatches, parentRefs, sessionPersistence } from "./route-parts.ts";

/** Segments that a normalised path cannot have (HTTPPathMatch). */
const UNNORMAL = /\/\/|\/\.{1,2}(\/|$)|%2[fF]/;

const pathMatch = checked(
  object({
    type: either(oneOf("Exact", "PathPrefix", "RegularExpression"), "PathPrefix"),
    value: either(string, "/"),
  }),
  ({ type, value }) => {
    if (type === "RegularExpression") return undefined;
    if (!value.startsWith("/")) return { field: "value", reason: `must begin with "/", not "${value}"` };
    if (UNNORMAL.test(value)) return { field: "value", reason: `cannot hold "//", "/./", "/../" or "%2f": "${value}"` };
    return forms.path.holds(value) ? undefined : { field: "value", reason: `must be ${forms.path.says}` };
  },
);

const match = object({
  path: optional(pathMatch),
  method: optional(oneOf("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")),
  headers: headerMatches,
  queryParams: listOrEmpty(
    object({
      type: either(oneOf("Exact", "RegularExpression"), "Exact"),
      name: formed(forms.paramName),
      value: formed(forms.paramValue),
    }),
  ),
});

const timeouts = checked(
  object({ request: optional(duration), backendRequest: optional(duration) }),
  ({ request = 0, backendRequest = 0 }) =>
    request > 0 && backendRequest > request
      ? { field: "backendRequest", reason: "must be at most the request timeout" }
      : undefined,
);

const rule = object({
  name: optional(string),
  matches: listOrEmpty(match),
  filters,
  backendRefs,
  timeouts: optional(timeouts),
  retry: optional(
    object({
      codes: listOrEmpty(integer(400, 599)),
      attempts: optional(integer(0, 2_147_483_647)),
      backoff: optional(duration),
    }),
  ),
  sessionPersistence: optional(sessionPersistence),
});

/** gateway.networking.k8s.io/v1 HTTPRoute. */
export const httpRoute = part({
  spec: object({
    parentRefs,
    useDefaultGateways: optional(string),
    hostnames: listOrEmpty(hostname),
    // The API server's default: one rule that takes every path.
    rules: either(list(rule), [emptyRule()]),
  }),
});

function emptyRule(): ReadOf<typeof rule> {
  return rule({}, "", []);
}

export type HttpRouteRule = ReadOf<typeof rule>;
export type HttpRouteMatch = ReadOf<typeof match>;
