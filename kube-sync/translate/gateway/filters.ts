import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PathModifierSchema } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms, framingHeaders } from "../../../routes/syntax.ts";
import type { Filter, HeaderModifier, PathModifier } from "../../objects/route-parts.ts";
import type { FilterInit } from "../context.ts";
import { toCors } from "../cors.ts";

/** Why a filter cannot be had, in Gateway API's reasons of the condition Accepted. */
export interface Refused {
  readonly refused: "UnsupportedValue" | "IncompatibleFilters";
  readonly message: string;
}

/** Where a filter stands. */
export interface FilterPlace {
  readonly kind: "HTTPRoute" | "GRPCRoute";
  /** Of a backendRef rather than of the rule. */
  readonly ofBackend: boolean;
  /** Whether all matches of the rule are path prefixes, without which there is none to replace. */
  readonly prefixesOnly: boolean;
}

/** The table's filter, or why it cannot be had. */
export function toFilter(filter: Filter, place: FilterPlace): FilterInit | Refused {
  const { type, requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, cors } = filter;
  if (type === "RequestHeaderModifier" && requestHeaderModifier !== undefined) {
    return headerFilter("requestHeaders", requestHeaderModifier);
  }
  if (type === "ResponseHeaderModifier" && responseHeaderModifier !== undefined) {
    return headerFilter("responseHeaders", responseHeaderModifier);
  }
  if (place.kind === "HTTPRoute" && type === "RequestRedirect" && requestRedirect !== undefined) {
    if (place.ofBackend) return unsupported("a redirect has no backend: it belongs to the rule");
    const { scheme = "", hostname = "", port = 0, statusCode: status } = requestRedirect;
    const path = modifierOf(requestRedirect.path, place);
    return isRefused(path) ? path : { filter: { case: "redirect", value: { scheme, hostname, port, path, status } } };
  }
  if (place.kind === "HTTPRoute" && type === "URLRewrite" && urlRewrite !== undefined) {
    const path = modifierOf(urlRewrite.path, place);
    if (isRefused(path)) return path;
    return { filter: { case: "urlRewrite", value: { authority: urlRewrite.hostname ?? "", path } } };
  }
  if (place.kind === "HTTPRoute" && type === "CORS" && cors !== undefined) {
    if (place.ofBackend)
      return unsupported("preflights are answered before there is a backend: CORS belongs to the rule");
    const value = toCors(cors);
    return typeof value === "string" ? unsupported(value) : { filter: { case: "cors", value } };
  }
  return unsupported(`the filter ${type} is not supported`);
}

export function isRefused(result: object | undefined): result is Refused {
  return result !== undefined && "refused" in result;
}

function unsupported(message: string): Refused {
  return { refused: "UnsupportedValue", message };
}

function headerFilter(kind: "requestHeaders" | "responseHeaders", modifier: HeaderModifier): FilterInit | Refused {
  const set = firstOfEach(modifier.set);
  const add = firstOfEach(modifier.add);
  const remove = modifier.remove.map((name) => name.toLowerCase());
  const framing = [...set, ...add].find(({ name }) => framingHeaders.has(name));
  if (framing !== undefined) {
    return unsupported(`the header ${framing.name} belongs to the connection and cannot be set`);
  }
  return { filter: { case: kind, value: { set, add, remove } } };
}

/** Gateway API: of entries with one name, in whichever case, the first counts. */
export function firstOfEach<T extends { readonly name: string }>(headers: readonly T[]): T[] {
  const seen = new Map<string, T>();
  for (const header of headers) {
    const name = header.name.toLowerCase();
    if (!seen.has(name)) seen.set(name, { ...header, name });
  }
  return [...seen.values()];
}

function modifierOf(
  modifier: PathModifier | undefined,
  { prefixesOnly }: FilterPlace,
): MessageInitShape<typeof PathModifierSchema> | undefined | Refused {
  if (modifier === undefined) return undefined;
  const { replaceFullPath: full, replacePrefixMatch: prefix } = modifier;
  const value = full ?? prefix ?? "";
  if (value !== "" && !forms.path.holds(value)) return unsupported(`a path must be ${forms.path.says}: "${value}"`);
  if (modifier.type === "ReplaceFullPath") return { modifier: { case: "full", value: value || "/" } };
  if (prefixesOnly) return { modifier: { case: "prefix", value } };
  return {
    refused: "IncompatibleFilters",
    message: "ReplacePrefixMatch needs matches of the type PathPrefix only, as there is no other prefix to replace",
  };
}
