/** From a filter's message to its checked form. */
import type {
  DirectResponse as DirectResponseMessage,
  Filter as FilterMessage,
  HeaderModifier,
  PathModifier as PathModifierMessage,
  Redirect as RedirectMessage,
  RegexSubstitution,
  UrlRewrite as UrlRewriteMessage,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Place } from "../issues.ts";
import type {
  Backend,
  DirectResponse,
  Filter,
  HeaderFilter,
  Pair,
  PathModifier,
  Redirect,
  UrlRewrite,
} from "../model.ts";
import type { Substitution } from "../regex.ts";
import { forms, framingHeaders, isAuthority } from "../syntax.ts";
import { decodeCors } from "./cors.ts";
import { decodeJwt } from "./jwt.ts";
import { limits, list, nothing, refuseUnknown } from "./list.ts";
import { firstOfEachName, pair } from "./match.ts";
import type { Patterns } from "./patterns.ts";
import { decodeFault, decodeMirror, decodeRateLimit } from "./traffic.ts";

/** The table that a filter is part of. */
interface Context {
  /** By key. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly patterns: Patterns;
}

/** @param id unique to the filter, and the same in every table that has it */
export function decodeFilter({ filter }: FilterMessage, context: Context, id: string, place: Place): Filter {
  const { backends, patterns } = context;
  if (filter.case === undefined) {
    place.wrong("must be a filter that this edge knows");
    return Object.freeze({ kind: "requestHeaders", set: nothing, add: nothing, remove: nothing });
  }
  const at = place.at(filter.case);
  refuseUnknown(filter.value, at);
  switch (filter.case) {
    case "requestHeaders":
    case "responseHeaders":
    case "responseTrailers":
      return decodeModifier(filter.case, filter.value, at);
    case "urlRewrite":
      return decodeRewrite(filter.value, patterns, at);
    case "redirect":
      return decodeRedirect(filter.value, patterns, at);
    case "directResponse":
      return decodeResponse(filter.value, at);
    case "cors":
      return decodeCors(filter.value, at);
    case "mirror":
      return decodeMirror(filter.value, backends, at);
    case "fault":
      return decodeFault(filter.value, at);
    case "rateLimit":
      return decodeRateLimit(filter.value, id, at);
    case "jwt":
      return decodeJwt(filter.value, at);
  }
}

function decodeModifier(kind: HeaderFilter["kind"], { set, add, remove }: HeaderModifier, place: Place): HeaderFilter {
  return Object.freeze({
    kind,
    set: Object.freeze(firstOfEachName(list(set, limits.modifications, place, "set", decodeHeader))),
    add: list(add, limits.modifications, place, "add", decodeHeader),
    remove: list(remove, limits.modifications, place, "remove", (name, at) => at.check(name, forms.headerName)),
  });
}

function decodeHeader({ name, value }: { readonly name: string; readonly value: string }, place: Place): Pair {
  if (framingHeaders.has(name)) place.at("name").wrong("must not be a header of the connection or of the framing");
  return pair(place.at("name").check(name, forms.headerName), place.at("value").check(value, forms.headerValue));
}

function decodeRewrite({ authority, path }: UrlRewriteMessage, patterns: Patterns, place: Place): UrlRewrite {
  if (authority !== "" && !isAuthority(authority))
    place.at("authority").wrong("must be a host name or an IP address, with or without a port");
  return Object.freeze({
    kind: "urlRewrite",
    authority: authority === "" ? undefined : authority,
    path: decodePath(path, patterns, place),
  });
}

const redirectStatuses = [301, 302, 303, 307, 308];

function decodeRedirect(message: RedirectMessage, patterns: Patterns, place: Place): Redirect {
  const { scheme, hostname, port, query, status } = message;
  if (scheme !== "" && scheme !== "http" && scheme !== "https") place.at("scheme").wrong("must be http or https");
  if (hostname !== "") place.at("hostname").check(hostname, forms.name);
  if (port > 65_535) place.at("port").wrong("must be from 1 to 65535");
  if (query !== undefined) place.at("query").check(query, forms.query);
  if (!redirectStatuses.includes(status)) place.at("status").wrong("must be 301, 302, 303, 307 or 308");
  return Object.freeze({
    kind: "redirect",
    scheme: scheme === "http" || scheme === "https" ? scheme : undefined,
    hostname: hostname === "" ? undefined : hostname,
    port: port === 0 ? undefined : port,
    path: decodePath(message.path, patterns, place),
    query,
    status,
  });
}

function decodeResponse({ status, contentType, body }: DirectResponseMessage, place: Place): DirectResponse {
  if (status < 200 || status > 599) place.at("status").wrong("must be from 200 to 599");
  if (contentType !== "") place.at("contentType").check(contentType, forms.headerValue);
  return Object.freeze({
    kind: "directResponse",
    status,
    contentType: contentType === "" ? "text/plain; charset=utf-8" : contentType,
    body: place.at("body").check(body, forms.body),
  });
}

function decodePath(
  message: PathModifierMessage | undefined,
  patterns: Patterns,
  parent: Place,
): PathModifier | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("path");
  refuseUnknown(message, place);
  const { modifier } = message;
  switch (modifier.case) {
    case "full":
      return Object.freeze({ kind: "full", path: place.at("full").check(modifier.value, forms.path) });
    case "prefix": {
      const prefix = modifier.value === "" ? "/" : place.at("prefix").check(modifier.value, forms.path);
      return Object.freeze({ kind: "prefix", path: prefix.endsWith("/") ? prefix.slice(0, -1) : prefix });
    }
    case "regex":
      return decodeRegex(modifier.value, patterns, place.at("regex"));
    default:
      place.wrong("must be a modifier that this edge knows");
      return undefined;
  }
}

function decodeRegex(message: RegexSubstitution, patterns: Patterns, place: Place): PathModifier | undefined {
  refuseUnknown(message, place);
  const { pattern: text, substitution } = message;
  place.at("substitution").check(substitution, forms.substitution);
  const pattern = patterns.part(text, place.at("pattern"));
  if (pattern === undefined) return undefined;
  const parts = partsOf(substitution);
  for (const part of parts) {
    if (typeof part === "number" && part > pattern.groups)
      place.at("substitution").wrong(`has "\\${part}", but the pattern has ${pattern.groups} groups`);
  }
  return Object.freeze({ kind: "regex", pattern, substitution: parts });
}

/** What a substitution says, with numbers for groups. */
function partsOf(substitution: string): Substitution {
  const tokens = substitution.match(/\\.|[^\\]+/g) ?? [];
  return Object.freeze(
    tokens.map((token) => {
      if (!token.startsWith("\\")) return token;
      return token === "\\\\" ? "\\" : Number(token.slice(1));
    }),
  );
}
