/** From the message of a CORS filter to its checked form. */
import type { Cors as CorsMessage } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Place } from "../issues.ts";
import type { Cors, OriginWildcard } from "../model.ts";
import { type Form, forms } from "../syntax.ts";
import { limits, list, nothing } from "./list.ts";

export function decodeCors(message: CorsMessage, place: Place): Cors {
  const names = (field: "allowMethods" | "allowHeaders" | "exposeHeaders", form: Form): readonly string[] =>
    list(message[field], limits.corsNames, place, field, (name, at) => (name === any ? name : at.check(name, form)));
  const origins = list(message.allowOrigins, limits.corsOrigins, place, "allowOrigins", (origin, at) => {
    if (/^(?:https:.*:443|http:.*:80)$/.test(origin)) at.wrong("must not have its scheme's own port");
    return at.check(origin, forms.origin);
  });
  const allowMethods = names("allowMethods", forms.httpMethod);
  const allowHeaders = names("allowHeaders", forms.headerName);
  const exposeHeaders = names("exposeHeaders", forms.headerName);
  return Object.freeze({
    kind: "cors",
    anyOrigin: origins.includes(any),
    origins: Object.freeze(origins.filter((origin) => !origin.includes(any))),
    wildcards: Object.freeze(origins.filter((origin) => origin !== any && origin.includes(any)).map(wildcardOf)),
    credentials: message.allowCredentials,
    allowMethods: allowMethods.includes(any) ? nothing : allowMethods,
    allowHeaders: allowHeaders.length === 0 ? undefined : allowHeaders.includes(any) ? nothing : allowHeaders,
    exposeHeaders: exposeHeaders.includes(any) ? nothing : exposeHeaders,
    maxAgeSeconds: message.maxAgeSeconds,
  });
}

const any = "*";

function wildcardOf(origin: string): OriginWildcard {
  const [prefix = "", suffix = ""] = origin.split(any);
  return Object.freeze({ prefix, suffix });
}
