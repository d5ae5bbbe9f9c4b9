import { forms } from "../../routes/syntax.ts";
import { duration, headerName, headerValue } from "./forms.ts";
import type { ReadOf } from "./read.ts";
import {
  boolean,
  checked,
  either,
  formed,
  integer,
  listOrEmpty,
  object,
  oneOf,
  optional,
  part,
  port,
  string,
} from "./read.ts";

/** What HTTPRoute and GRPCRoute have in common. */

export const GATEWAY_GROUP = "gateway.networking.k8s.io";

const parentRef = object({
  group: either(string, GATEWAY_GROUP),
  kind: either(string, "Gateway"),
  namespace: optional(string),
  name: string,
  sectionName: optional(string),
  port: optional(port),
});

export const parentRefs = listOrEmpty(parentRef);

export const headerMatches = listOrEmpty(
  object({ type: either(oneOf("Exact", "RegularExpression"), "Exact"), name: headerName, value: headerValue }),
);

const REDIRECTS = [301, 302, 303, 307, 308];
const redirectStatus = checked(integer(100, 599), (status) =>
  REDIRECTS.includes(status) ? undefined : { reason: `must be one of ${REDIRECTS.join(", ")}, not ${status}` },
);

const headers = listOrEmpty(object({ name: headerName, value: headerValue }));
const headerModifier = object({ set: headers, add: headers, remove: listOrEmpty(headerName) });

const pathModifier = checked(
  object({
    type: oneOf("ReplaceFullPath", "ReplacePrefixMatch"),
    replaceFullPath: optional(string),
    replacePrefixMatch: optional(string),
  }),
  ({ type, replaceFullPath, replacePrefixMatch }) => {
    const field = type === "ReplaceFullPath" ? "replaceFullPath" : "replacePrefixMatch";
    return (type === "ReplaceFullPath" ? replaceFullPath : replacePrefixMatch) === undefined
      ? { field, reason: `is missing: the type is ${type}` }
      : undefined;
  },
);

const requestRedirect = object({
  scheme: optional(oneOf("http", "https")),
  hostname: optional(formed(forms.name)),
  path: optional(pathModifier),
  port: optional(port),
  statusCode: either(redirectStatus, 302),
});

const urlRewrite = object({ hostname: optional(formed(forms.name)), path: optional(pathModifier) });

/** gateway.networking.k8s.io HTTPCORSFilter. The default of maxAge is the API server's. */
const cors = object({
  allowOrigins: listOrEmpty(string),
  allowCredentials: either(boolean, false),
  allowMethods: listOrEmpty(formed(forms.httpMethod)),
  allowHeaders: listOrEmpty(headerName),
  exposeHeaders: listOrEmpty(headerName),
  maxAge: either(integer(1, 2_147_483_647), 5),
});

const backendObjectRef = {
  group: either(string, ""),
  kind: either(string, "Service"),
  namespace: optional(string),
  name: string,
  port: optional(port),
};

const requestMirror = checked(
  object({
    backendRef: object(backendObjectRef),
    percent: optional(integer(0, 100)),
    fraction: optional(
      checked(
        object({
          numerator: integer(0, 2_147_483_647),
          denominator: either(integer(1, 2_147_483_647), 100),
        }),
        ({ numerator, denominator }) =>
          numerator > denominator ? { field: "numerator", reason: "must be at most the denominator" } : undefined,
      ),
    ),
  }),
  ({ percent, fraction }) =>
    percent !== undefined && fraction !== undefined ? { reason: "must have one of percent and fraction" } : undefined,
);

/** gateway.networking.k8s.io SessionPersistence. */
export const sessionPersistence = checked(
  object({
    sessionName: optional(string),
    absoluteTimeout: optional(duration),
    idleTimeout: optional(duration),
    type: either(oneOf("Cookie", "Header"), "Cookie"),
    cookieConfig: optional(object({ lifetimeType: either(oneOf("Session", "Permanent"), "Session") })),
  }),
  ({ absoluteTimeout, cookieConfig }) =>
    cookieConfig?.lifetimeType === "Permanent" && absoluteTimeout === undefined
      ? { field: "absoluteTimeout", reason: "is missing: the cookie is Permanent" }
      : undefined,
);

const FIELDS = [
  "requestHeaderModifier",
  "responseHeaderModifier",
  "requestRedirect",
  "urlRewrite",
  "cors",
  "requestMirror",
] as const;

/** Filters of any type; only those that the edge has are read further. */
export const filters = listOrEmpty(
  checked(
    part({
      type: string,
      requestHeaderModifier: optional(headerModifier),
      responseHeaderModifier: optional(headerModifier),
      requestRedirect: optional(requestRedirect),
      urlRewrite: optional(urlRewrite),
      cors: optional(cors),
      requestMirror: optional(requestMirror),
    }),
    (filter) => {
      const field = FIELDS.find((name) => name.toLowerCase() === filter.type.toLowerCase());
      return field !== undefined && filter[field] === undefined
        ? { field, reason: `is missing: the filter's type is ${filter.type}` }
        : undefined;
    },
  ),
);

const backendRef = object({
  ...backendObjectRef,
  weight: either(integer(0, 1_000_000), 1),
  filters,
});

export const backendRefs = listOrEmpty(backendRef);

export type ParentRef = ReadOf<typeof parentRef>;
export type BackendObjectRef = Omit<BackendRef, "weight" | "filters">;
export type SessionPersistence = ReadOf<typeof sessionPersistence>;
export type BackendRef = ReadOf<typeof backendRef>;
export type Filter = ReadOf<typeof filters.read>[number];
export type CorsFilter = ReadOf<typeof cors>;
export type PathModifier = ReadOf<typeof pathModifier>;
export type HeaderModifier = ReadOf<typeof headerModifier>;
export type HeaderMatch = ReadOf<typeof headerMatches.read>[number];
