/** From a match's message to its checked form. */
import {
  CallProtocol as CallProtocolNumber,
  RequestPart,
  type Condition as ConditionMessage,
  type Match as MatchMessage,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { conditionKey } from "../conditions.ts";
import type { Place } from "../issues.ts";
import type { CallProtocol, Condition, Match, Pair, PathMatch, Subject } from "../model.ts";
import { everyPath, exactPath, grpcMethod, pathPrefix } from "../paths.ts";
import { forms, type Form } from "../syntax.ts";
import { limits, list, nothing, refuseUnknown } from "./list.ts";
import type { Patterns } from "./patterns.ts";

/** What matches everything, but for `rpcOnly`. */
export function everything(rpcOnly: boolean): readonly Match[] {
  return rpcOnly ? everyCall : everyRequest;
}

const everyRequest = everyMatch(false);
const everyCall = everyMatch(true);

function everyMatch(rpcOnly: boolean): readonly Match[] {
  const path = everyPath;
  return Object.freeze([
    Object.freeze({
      index: 0,
      path,
      rpcOnly,
      protocols: nothing,
      method: undefined,
      headers: nothing,
      params: nothing,
      conditions: nothing,
    }),
  ]);
}

export function decodeMatch(
  message: MatchMessage,
  rpcOnly: boolean,
  patterns: Patterns,
  place: Place,
  index: number,
): Match {
  const { httpMethod, headers, queryParams } = message;
  return Object.freeze({
    index,
    path: decodePath(message.path, place.at("path")),
    ...decodeProtocols(message.protocols, rpcOnly, place),
    method: httpMethod === "" ? undefined : place.at("httpMethod").check(httpMethod, forms.httpMethod),
    headers: decodeValues(headers, place, "headers", forms.headerName, forms.headerValue),
    params: decodeValues(queryParams, place, "queryParams", forms.paramName, forms.paramValue),
    conditions: sortedConditions(
      list(message.conditions, limits.conditions, place, "conditions", (condition, at) =>
        decodeCondition(condition, patterns, at),
      ),
    ),
  });
}

const protocols: ReadonlyMap<CallProtocolNumber, CallProtocol> = new Map([
  [CallProtocolNumber.GRPC, "grpc"],
  [CallProtocolNumber.GRPC_WEB, "grpc-web"],
  [CallProtocolNumber.CONNECT, "connect"],
  [CallProtocolNumber.HTTP, "http"],
]);

/** All protocols are the same as none, and all calls' the same as `rpcOnly`. */
function decodeProtocols(
  numbers: readonly CallProtocolNumber[],
  rpcOnly: boolean,
  place: Place,
): Pick<Match, "rpcOnly" | "protocols"> {
  const named = list(numbers, limits.protocols, place, "protocols", (number, at) => {
    const protocol = protocols.get(number);
    if (protocol === undefined) at.wrong("must be GRPC, GRPC_WEB, CONNECT or HTTP");
    return protocol ?? "http";
  });
  if (named.length === 0) return { rpcOnly, protocols: nothing };
  const asked = [...new Set(named)].filter((protocol) => !rpcOnly || protocol !== "http").toSorted();
  if (asked.length === 0) place.at("protocols").wrong("must have a call's: the route takes nothing else");
  const calls = !asked.includes("http");
  const all = asked.length === (calls ? 3 : 4);
  return { rpcOnly: calls, protocols: all ? nothing : Object.freeze(asked) };
}

function decodePath(path: MatchMessage["path"], place: Place): PathMatch {
  switch (path.case) {
    case "exactPath":
      return exactPath(path.value, place);
    case "pathPrefix":
      return pathPrefix(path.value, place);
    case "grpcMethod":
      refuseUnknown(path.value, place);
      return grpcMethod(path.value.service, path.value.method, place);
    default:
      return everyPath;
  }
}

/** Of those for the same name the first counts, as Gateway API says. */
function decodeValues(
  messages: readonly { readonly name: string; readonly exact: string }[],
  place: Place,
  field: string,
  nameForm: Form,
  valueForm: Form,
): readonly Pair[] {
  const pairs = list(messages, limits.conditions, place, field, ({ name, exact }, at) =>
    pair(at.at("name").check(name, nameForm), at.at("exact").check(exact, valueForm)),
  );
  if (pairs.length < 2) return pairs;
  return Object.freeze(firstOfEachName(pairs).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function pair(name: string, value: string): Pair {
  return Object.freeze([name, value] as const);
}

export function firstOfEachName(pairs: readonly Pair[]): Pair[] {
  const names = new Set<string>();
  return pairs.filter(([name]) => names.size < names.add(name).size);
}

function decodeCondition({ subject, regex, negate }: ConditionMessage, patterns: Patterns, place: Place): Condition {
  return Object.freeze({
    subject: Object.freeze(decodeSubject(subject, place)),
    pattern: regex === undefined ? undefined : patterns.whole(regex, place.at("regex")),
    negate,
  });
}

const parts: ReadonlyMap<RequestPart, "path" | "host" | "method" | "scheme"> = new Map([
  [RequestPart.PATH, "path"],
  [RequestPart.HOST, "host"],
  [RequestPart.METHOD, "method"],
  [RequestPart.SCHEME, "scheme"],
]);

function decodeSubject(subject: ConditionMessage["subject"], place: Place): Subject {
  switch (subject.case) {
    case "header":
      return { kind: "header", name: place.at("header").check(subject.value, forms.headerName) };
    case "queryParam":
      return { kind: "param", name: place.at("queryParam").check(subject.value, forms.paramName) };
    default: {
      const kind = subject.case === "part" ? parts.get(subject.value) : undefined;
      if (kind === undefined) place.wrong("must be on a header, a query parameter or a part that this edge knows");
      return { kind: kind ?? "path" };
    }
  }
}

/** In the one order that equal matches share, each once. */
function sortedConditions(conditions: readonly Condition[]): readonly Condition[] {
  if (conditions.length < 2) return conditions;
  const byKey = new Map(conditions.map((condition) => [conditionKey(condition), condition]));
  return Object.freeze([...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, condition]) => condition));
}
