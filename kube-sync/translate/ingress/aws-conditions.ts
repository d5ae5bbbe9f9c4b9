import { RequestPart } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../../routes/syntax.ts";
import type { ReadOf } from "../../objects/read.ts";
import { anything, either, list, listOrEmpty, optional, part, string } from "../../objects/read.ts";
import type { ConditionInit, Match, PathTest } from "../match.ts";
import {
  ANY_REQUEST,
  anyOf,
  onHeader,
  onPart,
  onQueryParam,
  searching,
  startsWith,
  wildcards,
  wrongRegex,
} from "../match.ts";
import type { ConditionPart } from "./conditions.ts";
import { hostsOf, onHost, readConditions } from "./conditions.ts";
import type { Conditions, Reading } from "./dialect.ts";
import { onPath } from "./dialect.ts";

/** conditions.NAME: what else must hold for the calls of that backend, Service or action. */

const values = part({ values: listOrEmpty(string), regexvalues: listOrEmpty(string) });

const condition = part({
  field: string,
  hostheaderconfig: optional(values),
  pathpatternconfig: optional(values),
  httpheaderconfig: optional(
    part({ httpheadername: string, values: listOrEmpty(string), regexvalues: listOrEmpty(string) }),
  ),
  httprequestmethodconfig: optional(part({ values: list(string) })),
  querystringconfig: optional(part({ values: list(part({ key: either(string, ""), value: string })) })),
  sourceipconfig: optional(anything),
});

type Condition = ReadOf<typeof condition>;

export function awsConditions(reading: Reading, name: string): Conditions | string | undefined {
  return readConditions(reading, name, condition, partOf);
}

function partOf(given: Condition): ConditionPart {
  const { field, hostheaderconfig: host, pathpatternconfig: path, httpheaderconfig: header } = given;
  if (field === "host-header" && host !== undefined) return awsHosts(host);
  if (field === "path-pattern" && path !== undefined) return pathsOf(path);
  if (field === "http-header" && header !== undefined) {
    const regexes = expressions(header, "(?i)");
    if (typeof regexes === "string") return regexes;
    if (!forms.headerName.holds(header.httpheadername.toLowerCase()))
      return `"${header.httpheadername}" is no header name`;
    return { matches: [having(onHeader(header.httpheadername, anyOf(regexes)))] };
  }
  if (field === "http-request-method" && given.httprequestmethodconfig !== undefined) {
    const { values: methods } = given.httprequestmethodconfig;
    if (methods.length === 0 || !methods.every((method) => forms.httpMethod.holds(method)))
      return "a method must be in upper case";
    return {
      matches: [
        methods.length === 1 ? { ...ANY_REQUEST, methods } : having(onPart(RequestPart.METHOD, anyOf(methods))),
      ],
    };
  }
  if (field === "query-string" && given.querystringconfig !== undefined) return queries(given.querystringconfig.values);
  if (field === "source-ip") return "source-ip is not supported: the edge does not route by address";
  return `the field "${field}" is not known, or its configuration is missing`;
}

function having(...conditions: ConditionInit[]): Match {
  return { ...ANY_REQUEST, conditions };
}

type Values = { readonly values: readonly string[]; readonly regexvalues: readonly string[] };

/** Either wildcards or expressions; case does not matter in headers. */
function expressions({ values: patterns, regexvalues }: Values, flags = ""): string[] | string {
  if ((patterns.length === 0) === (regexvalues.length === 0)) return "must have either values or regexValues";
  const regexes = [...patterns.map(wildcards), ...regexvalues.map(searching)].map((regex) => flags + regex);
  return wrongRegex(regexes) ?? regexes;
}

function awsHosts(config: Values): ConditionPart {
  const regexes = expressions(config);
  if (typeof regexes === "string") return regexes;
  return config.regexvalues.length === 0
    ? { hosts: hostsOf(config.values) }
    : { hosts: [{ hostname: "", matches: [onHost(`(?i)${anyOf(regexes)}`)], isExpression: true }] };
}

function pathsOf(config: Values): ConditionPart {
  const regexes = expressions(config);
  if (typeof regexes === "string") return regexes;
  const tests = config.values.map((text): PathTest => {
    if (!/[*?]/.test(text)) return { kind: "exact", value: text };
    const start = text.slice(0, -1);
    if (text.endsWith("*") && !/[*?]/.test(start))
      return start === "" || start === "/" ? { kind: "prefix", value: "/" } : startsWith(start);
    return { kind: "regex", value: wildcards(text) };
  });
  const given = config.values.length > 0 ? tests : regexes.map((value): PathTest => ({ kind: "regex", value }));
  return { paths: given.map((test) => onPath(test)) };
}

function queries(given: readonly { readonly key: string; readonly value: string }[]): ConditionPart {
  if (given.some(({ key }) => key === "")) return "a value of the query string without a key is not supported";
  return { matches: given.map(({ key, value }) => having(onQueryParam(key, `(?i)${wildcards(value)}`))) };
}
