import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PathModifierSchema } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { quote } from "../../../routes/regex.ts";
import { forms, framingHeaders, isAuthority } from "../../../routes/syntax.ts";
import type { IstioHeaders, IstioHttpMatch, IstioHttpRoute } from "../../objects/istio.ts";
import type { FilterInit } from "../context.ts";
import { wrongRegex } from "../match.ts";

type PathModifierInit = MessageInitShape<typeof PathModifierSchema>;

/** Why something cannot be had. `field`: below the rule. */
interface WrongFilter {
  readonly field: string;
  readonly wrong: string;
}

export function isWrong(result: object | undefined): result is WrongFilter {
  return result !== undefined && "wrong" in result;
}

/** What answers or rewrites the calls of one match of a rule; undefined: any call. */
export function routeFilters(route: IstioHttpRoute, match: IstioHttpMatch | undefined): FilterInit[] | WrongFilter {
  if (route.redirect !== undefined) return redirectOf(route.redirect);
  if (route.directResponse !== undefined) {
    const { status, body } = route.directResponse;
    const text = body?.string ?? (body?.bytes === undefined ? "" : Buffer.from(body.bytes, "base64").toString("utf8"));
    return [{ filter: { case: "directResponse", value: { status, body: text } } }];
  }
  const filters: FilterInit[] = [];
  if (route.rewrite !== undefined) {
    const { authority = "", uri, uriRegexRewrite } = route.rewrite;
    if (authority !== "" && !isAuthority(authority.toLowerCase())) {
      return { field: "rewrite.authority", wrong: `must be a host, with or without a port: "${authority}"` };
    }
    const path = uriRegexRewrite === undefined ? replaceUri(uri, match) : replaceByRegex(uriRegexRewrite);
    if (isWrong(path)) return path;
    const value = { authority: authority.toLowerCase(), ...(path === undefined ? {} : { path }) };
    if (authority !== "" || path !== undefined) filters.push({ filter: { case: "urlRewrite", value } });
  }
  const headers = headerFilters(route.headers);
  return isWrong(headers) ? headers : [...filters, ...headers];
}

/** Whether what a rule does depends on which of its matches holds. */
export function dependsOnMatch({ rewrite, redirect, directResponse }: IstioHttpRoute): boolean {
  return rewrite?.uri !== undefined && redirect === undefined && directResponse === undefined;
}

/** With a prefix match the prefix is replaced, character by character; otherwise the whole path. */
function replaceUri(
  uri: string | undefined,
  match: IstioHttpMatch | undefined,
): PathModifierInit | undefined | WrongFilter {
  if (uri === undefined) return undefined;
  const prefix = match?.uri === undefined ? "/" : match.uri.prefix;
  const full = uri.startsWith("/") ? uri : `/${uri}`;
  if (prefix === undefined) {
    return forms.path.holds(full)
      ? { modifier: { case: "full", value: full } }
      : { field: "rewrite.uri", wrong: `must be ${forms.path.says}: "${uri}"` };
  }
  const pattern = `${match?.ignoreUriCase === true ? "(?i)" : ""}^${quote(prefix)}`;
  const substitution = uri.replaceAll("\\", "\\\\");
  return { modifier: { case: "regex", value: { pattern, substitution } } };
}

function replaceByRegex({ match, rewrite }: { match: string; rewrite: string }): PathModifierInit | WrongFilter {
  const wrong = wrongRegex([match]);
  if (wrong !== undefined) return { field: "rewrite.uriRegexRewrite.match", wrong };
  if (!forms.substitution.holds(rewrite)) {
    return { field: "rewrite.uriRegexRewrite.rewrite", wrong: `must be ${forms.substitution.says}` };
  }
  return { modifier: { case: "regex", value: { pattern: match, substitution: rewrite } } };
}

const STATUSES = [301, 302, 303, 307, 308];

function redirectOf(redirect: NonNullable<IstioHttpRoute["redirect"]>): FilterInit[] | WrongFilter {
  const { uri, authority = "", scheme = "", derivePort, redirectCode: status } = redirect;
  const [, hostname = "", ownPort] = /^(.*?)(?::(\d+))?$/.exec(authority.toLowerCase()) ?? [];
  if (hostname !== "" && !forms.name.holds(hostname)) {
    return { field: "redirect.authority", wrong: `must be a host name: "${authority}"` };
  }
  if (scheme !== "" && scheme !== "http" && scheme !== "https") {
    return { field: "redirect.scheme", wrong: `must be http or https, not "${scheme}"` };
  }
  if (!STATUSES.includes(status))
    return { field: "redirect.redirectCode", wrong: `must be ${STATUSES.join(", ")}, not ${status}` };
  // With a query of its own, a redirect does not keep the request's.
  const [path = "", ...rest] = (uri ?? "").split("?");
  const query = rest.join("?");
  if (uri !== undefined && !forms.path.holds(path)) {
    return { field: "redirect.uri", wrong: `must be ${forms.path.says}: "${uri}"` };
  }
  const port = redirect.port ?? (ownPort === undefined ? 0 : Number(ownPort));
  if (derivePort === "FROM_REQUEST_PORT" && scheme !== "") {
    return { field: "redirect.derivePort", wrong: "FROM_REQUEST_PORT beside a scheme is not supported" };
  }
  const value = {
    scheme,
    hostname,
    port,
    status,
    ...(uri === undefined ? {} : { path: { modifier: { case: "full" as const, value: path } } }),
    ...(query === "" ? {} : { query }),
  };
  return [{ filter: { case: "redirect", value } }];
}

/** Header operations of a rule or of one of its destinations. The host is set like any header, and is none. */
export function headerFilters(headers: IstioHeaders | undefined): FilterInit[] | WrongFilter {
  const filters: FilterInit[] = [];
  for (const side of ["request", "response"] as const) {
    const operations = headers?.[side];
    if (operations === undefined) continue;
    const set = pairs(operations.set);
    const add = pairs(operations.add);
    const host = side === "request" ? set.find(({ name }) => HOST.has(name)) : undefined;
    const rest = set.filter((pair) => pair !== host);
    for (const { name, value } of [...rest, ...add]) {
      const wrong = wrongHeader(name, value);
      if (wrong !== undefined) return { field: `headers.${side}`, wrong };
    }
    if (host !== undefined) {
      if (!isAuthority(host.value.toLowerCase()))
        return { field: "headers.request.set", wrong: `"${host.value}" is no host` };
      filters.push({ filter: { case: "urlRewrite", value: { authority: host.value.toLowerCase() } } });
    }
    const value = { set: rest, add, remove: operations.remove.map((name) => name.toLowerCase()) };
    if (rest.length + add.length + value.remove.length === 0) continue;
    filters.push({ filter: { case: side === "request" ? "requestHeaders" : "responseHeaders", value } });
  }
  return filters;
}

const HOST: ReadonlySet<string> = new Set(["host", ":authority", "authority"]);

function pairs(values: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(values).map(([name, value]) => ({ name: name.toLowerCase(), value }));
}

function wrongHeader(name: string, value: string): string | undefined {
  if (framingHeaders.has(name)) return `the header ${name} belongs to the connection and cannot be set`;
  if (!forms.headerName.holds(name)) return `"${name}" is no header name`;
  if (!forms.headerValue.holds(value)) return `the value of ${name} must be ${forms.headerValue.says}`;
  // Envoy's command operators, such as %DOWNSTREAM_REMOTE_ADDRESS%.
  return /%[A-Z_]+(?:\([^)]*\))?%/.test(value) ? `${name}: the edge has no "${value}"` : undefined;
}
