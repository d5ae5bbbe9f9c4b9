import { quote } from "../../../routes/regex.ts";
import { forms, framingHeaders } from "../../../routes/syntax.ts";
import type { ReadOf } from "../../objects/read.ts";
import { anything, either, integer, list, listOrEmpty, optional, part, string } from "../../objects/read.ts";
import type { FilterInit } from "../context.ts";
import { invalidTarget } from "../context.ts";
import type { PathTest } from "../match.ts";
import { ANY_REQUEST, anyOf, onCookie, onHeader, onQueryParam, startsWith, wildcards } from "../match.ts";
import type { ConditionPart } from "./conditions.ts";
import { hostsOf, NO_VALUES, readConditions } from "./conditions.ts";
import type { Action, BackendName, Conditions, Reading } from "./dialect.ts";
import { annotationOf, onPath, sayOf } from "./dialect.ts";
import { readJson } from "./json.ts";
import { targetOf } from "./targets.ts";

/** conditions.SERVICE and actions.SERVICE: custom forwarding rules. Fields are read in lower case. */

const values = part({ values: listOrEmpty(string) });
const keyedValues = part({ values: list(part({ key: string, value: either(string, "") })) });

const condition = part({
  type: string,
  hostconfig: optional(values),
  pathconfig: optional(values),
  headerconfig: optional(part({ key: string, values: list(string) })),
  querystringconfig: optional(keyedValues),
  methodconfig: optional(values),
  cookieconfig: optional(keyedValues),
  sourceipconfig: optional(anything),
});

type Condition = ReadOf<typeof condition>;

const MAX_CONDITIONS = 10;

export function alibabaConditions(reading: Reading, name: string): Conditions | string | undefined {
  return readConditions(reading, name, condition, partOf, MAX_CONDITIONS);
}

function partOf({
  type,
  hostconfig,
  pathconfig,
  headerconfig,
  querystringconfig,
  methodconfig,
  cookieconfig,
}: Condition): ConditionPart {
  if (type === "Host" && hostconfig !== undefined) return { hosts: hostsOf(hostconfig.values) };
  if (type === "Path" && pathconfig !== undefined)
    return { paths: pathconfig.values.map((text) => onPath(pathTest(text))) };
  if (type === "Header" && headerconfig !== undefined) {
    const { key, values: wanted } = headerconfig;
    if (wanted.length === 0) return NO_VALUES;
    if (!forms.headerName.holds(key.toLowerCase())) return `"${key}" is no header name`;
    return { matches: [{ ...ANY_REQUEST, conditions: [onHeader(key, anyOf(wanted.map(wildcards)))] }] };
  }
  if (type === "QueryString" && querystringconfig !== undefined) {
    const each = querystringconfig.values.map(({ key, value }) => onQueryParam(key, wildcards(value)));
    return { matches: each.map((one) => ({ ...ANY_REQUEST, conditions: [one] })) };
  }
  if (type === "Method" && methodconfig !== undefined) {
    if (!methodconfig.values.every((method) => forms.httpMethod.holds(method))) return "a method must be in upper case";
    return { matches: methodconfig.values.map((method) => ({ ...ANY_REQUEST, methods: [method] })) };
  }
  if (type === "Cookie" && cookieconfig !== undefined) {
    const each = cookieconfig.values.map(({ key, value }) => onCookie(key, value));
    return { matches: each.map((one) => ({ ...ANY_REQUEST, conditions: [one] })) };
  }
  if (type === "SourceIp") return "SourceIp is not supported: the edge does not route by address";
  if (type.startsWith("Response")) return `${type} is for outbound rules, which are not supported`;
  return `the type "${type}" is not known, or its configuration is missing`;
}

function pathTest(text: string): PathTest {
  if (!/[*?]/.test(text)) return { kind: "exact", value: text };
  const start = text.slice(0, -1);
  const isPrefix = text.endsWith("*") && !/[*?]/.test(start);
  return isPrefix ? startsWith(start === "" ? "/" : start) : { kind: "regex", value: wildcards(text) };
}

const serverGroup = part({
  servicename: string,
  serviceport: optional(anything),
  weight: either(integer(0, 100), 100),
});

const mirrorGroup = part({
  servicename: optional(string),
  serviceport: optional(anything),
  servergroupid: optional(string),
});

const action = part({
  type: string,
  fixedresponseconfig: optional(
    part({ contenttype: either(string, ""), httpcode: string, content: either(string, "") }),
  ),
  redirectconfig: optional(
    part({
      host: either(string, "${host}"),
      path: either(string, "${path}"),
      port: either(string, "${port}"),
      protocol: either(string, "${protocol}"),
      query: either(string, "${query}"),
      httpcode: either(string, "301"),
    }),
  ),
  insertheaderconfig: optional(
    part({ key: string, value: either(string, ""), valuetype: either(string, "UserDefined") }),
  ),
  removeheaderconfig: optional(part({ key: string })),
  forwardconfig: optional(part({ servergroups: list(serverGroup) })),
  trafficmirrorconfig: optional(
    part({ mirrorgroupconfig: optional(part({ servergrouptuples: listOrEmpty(mirrorGroup) })) }),
  ),
  rewriteconfig: optional(
    part({ host: either(string, "${host}"), path: either(string, "${path}"), query: either(string, "${query}") }),
  ),
});

type AlibabaAction = ReadOf<typeof action>;
/** A string: why it cannot be had. Undefined: there is nothing to do. */
type Step = FilterInit | { readonly backends: NonNullable<Action["backends"]> } | string | undefined;

/** Undefined: there is none, or none that takes the Service's place, and then it comes before the Service's own. */
export function alibabaAction(reading: Reading, { name, port }: BackendName): Action | string | undefined {
  const text = annotationOf(reading, `actions.${name}`);
  if (text === undefined) return undefined;
  const fail = (reason: string): string => {
    sayOf(reading, `actions.${name}`, "error", `${reason}: its paths answer with an error`);
    return reason;
  };
  const read = readJson(text, list(action));
  if (typeof read === "string") return fail(read);
  const filters: FilterInit[] = [];
  let backends: Action["backends"];
  for (const each of read.value) {
    const step = stepOf(reading, name, each);
    if (typeof step === "string") return fail(step);
    if (step === undefined) continue;
    if ("backends" in step) backends = step.backends;
    else filters.push(step);
  }
  const answers = filters.some(({ filter }) => filter?.case === "redirect" || filter?.case === "directResponse");
  if (answers) return { filters };
  if (backends === undefined) {
    const target = targetOf(reading, name, port);
    if (typeof target === "string") return fail(target);
    backends = [{ target, weight: 1 }];
  }
  return { ...(filters.length === 0 ? {} : { filters }), backends };
}

function stepOf(reading: Reading, name: string, given: AlibabaAction): Step {
  const {
    type,
    fixedresponseconfig: fixed,
    redirectconfig,
    insertheaderconfig: insert,
    removeheaderconfig: remove,
    forwardconfig,
    rewriteconfig,
    trafficmirrorconfig: mirrorconfig,
  } = given;
  if (type === "FixedResponse" && fixed !== undefined) {
    if (!/^[245]\d\d$/.test(fixed.httpcode))
      return `the httpCode of a fixed response must be 2xx, 4xx or 5xx, not "${fixed.httpcode}"`;
    return {
      filter: {
        case: "directResponse",
        value: { status: Number(fixed.httpcode), body: fixed.content, contentType: fixed.contenttype },
      },
    };
  }
  if (type === "Redirect" && redirectconfig !== undefined) return redirect(redirectconfig);
  if (type === "InsertHeader" && insert !== undefined) {
    const header = insert.key.toLowerCase();
    if (insert.valuetype !== "UserDefined") return `headers of the valueType ${insert.valuetype} are not supported`;
    if (!forms.headerName.holds(header) || framingHeaders.has(header))
      return `the header "${insert.key}" cannot be set`;
    if (!forms.headerValue.holds(insert.value)) return `the value of ${insert.key} must be ${forms.headerValue.says}`;
    return { filter: { case: "requestHeaders", value: { set: [{ name: header, value: insert.value }] } } };
  }
  if (type === "RemoveHeader" && remove !== undefined) {
    const header = remove.key.toLowerCase();
    if (!forms.headerName.holds(header)) return `"${remove.key}" is no header name`;
    return { filter: { case: "requestHeaders", value: { remove: [header] } } };
  }
  if (type === "TrafficMirror") return mirror(reading, name, mirrorconfig?.mirrorgroupconfig?.servergrouptuples ?? []);
  if (type === "ForwardGroup" && forwardconfig !== undefined)
    return { backends: forward(reading, name, forwardconfig) };
  if (type === "Rewrite" && rewriteconfig !== undefined) return rewrite(rewriteconfig);
  return `an action of the type "${type}" is not supported, or its configuration is missing`;
}

function forward(reading: Reading, name: string, { servergroups }: NonNullable<AlibabaAction["forwardconfig"]>) {
  return servergroups.map(({ servicename, serviceport, weight }) => {
    const target = targetOf(reading, servicename, Number(serviceport));
    if (typeof target !== "string") return { target, weight };
    sayOf(reading, `actions.${name}`, "error", target);
    return { target: invalidTarget(target), weight };
  });
}

/** Copies of all calls, which go on without one that cannot be had. Of a group without Service only Alibaba knows. */
function mirror(reading: Reading, name: string, groups: readonly ReadOf<typeof mirrorGroup>[]): Step {
  const { servicename, serviceport, servergroupid } = groups[0] ?? {};
  const target =
    servicename === undefined
      ? `only Alibaba knows the server group ${servergroupid ?? ""}`
      : targetOf(reading, servicename, Number(serviceport));
  if (typeof target !== "string") return { filter: { case: "mirror", value: { target, millionths: 1_000_000 } } };
  sayOf(reading, `actions.${name}`, "error", `TrafficMirror: ${target}: calls are made without it`);
  return undefined;
}

/** Placeholders such as ${host} stand for the request's own. */
function redirect({ host, path, port, protocol, query, httpcode }: NonNullable<AlibabaAction["redirectconfig"]>): Step {
  const status = Number(httpcode);
  if (![301, 302, 303, 307, 308].includes(status))
    return `the httpCode of a redirect must be 301, 302, 303, 307 or 308, not "${httpcode}"`;
  const scheme = protocol === "${protocol}" ? "" : protocol.toLowerCase();
  if (scheme !== "" && scheme !== "http" && scheme !== "https")
    return `the protocol of a redirect must be http or https, not "${protocol}"`;
  if (host !== "${host}" && !forms.name.holds(host))
    return `the host of a redirect must be a host name or \${host}: "${host}"`;
  if (port !== "${port}" && !/^\d{1,5}$/.test(port))
    return `the port of a redirect must be a number or \${port}: "${port}"`;
  if (query !== "${query}" && !forms.query.holds(query))
    return `the query of a redirect must be ${forms.query.says}: "${query}"`;
  const modifier = pathModifier(path);
  if (typeof modifier === "string") return modifier;
  const value = {
    scheme,
    hostname: host === "${host}" ? "" : host,
    port: port === "${port}" ? 0 : Number(port),
    status,
    ...(modifier && { path: { modifier } }),
    ...(query === "${query}" ? {} : { query }),
  };
  return { filter: { case: "redirect", value } };
}

function rewrite({ host, path, query }: NonNullable<AlibabaAction["rewriteconfig"]>): Step {
  if (host !== "${host}" && !forms.name.holds(host))
    return `the host of a rewrite must be a host name or \${host}: "${host}"`;
  if (query !== "${query}") return "a rewrite of the query is not supported";
  const modifier = pathModifier(path);
  if (typeof modifier === "string") return modifier;
  return {
    filter: {
      case: "urlRewrite",
      value: { authority: host === "${host}" ? "" : host, ...(modifier && { path: { modifier } }) },
    },
  };
}

/** "${path}" is the request's, which begins with "/". */
function pathModifier(path: string) {
  if (path === "${path}") return undefined;
  const parts = path.split("${path}");
  if (
    parts.some((text) => text.includes("${") || !forms.path.holds(`/${text}`)) ||
    !(path.startsWith("/") || parts[0] === "")
  ) {
    return `a path must begin with "/" and hold no placeholder but \${path}: "${path}"`;
  }
  if (parts.length === 1) return { case: "full" as const, value: path };
  const substitution = parts.map((text) => text.replaceAll("\\", "\\\\")).join("\\0");
  return { case: "regex" as const, value: { pattern: `^${quote("/")}.*$`, substitution } };
}
