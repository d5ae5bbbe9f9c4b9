import { RequestPart } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { quote } from "../../../routes/regex.ts";
import { forms } from "../../../routes/syntax.ts";
import type { IstioHttpMatch, IstioStringMatch } from "../../objects/istio.ts";
import type { ConditionInit, Match, PathTest } from "../match.ts";
import { onHeader, onPart, onQueryParam, startsWith, wrongRegex } from "../match.ts";

/** These names in `headers` are not headers, and are ignored there as Istio does. */
const PSEUDO: ReadonlySet<string> = new Set(["uri", "scheme", "method", "authority"]);

/** Why a match cannot be had. `field`: below the match. */
interface WrongMatch {
  readonly field: string;
  readonly wrong: string;
}

/** An HTTPMatchRequest: all its fields must hold. Expressions match the whole value. */
export function toMatch(match: IstioHttpMatch): Match | WrongMatch {
  const wrong = wrongExpression(match);
  if (wrong !== undefined) return wrong;
  const { uri, ignoreUriCase, scheme, method, authority, headers, withoutHeaders, queryParams } = match;
  const exactMethod = method?.exact;
  const parts: readonly (readonly [RequestPart, IstioStringMatch | undefined])[] = [
    [RequestPart.SCHEME, scheme],
    [RequestPart.METHOD, exactMethod === undefined ? method : undefined],
    // The edge compares hosts in lower case and without port.
    [RequestPart.HOST, authority && withoutPort(authority)],
  ];
  const conditions: ConditionInit[] = parts.flatMap(([part, value]) => {
    const regex = value && regexOf(value);
    return regex === undefined ? [] : [onPart(part, regex)];
  });
  const named = Object.entries(headers).filter(([name]) => !PSEUDO.has(name));
  const isLookup = ({ exact }: IstioStringMatch) => exact !== undefined && forms.headerValue.holds(exact);
  for (const [name, value] of named) {
    if (!isLookup(value)) conditions.push(onHeader(name, regexOf(value)));
  }
  for (const [name, value] of Object.entries(withoutHeaders)) {
    if (!PSEUDO.has(name)) conditions.push(onHeader(name, regexOf(value), true));
  }
  const params = Object.entries(queryParams);
  // `exact: ""` and `{}` ask for the parameter and nothing more.
  const isPlain = ({ exact }: IstioStringMatch) => exact !== undefined && exact !== "";
  for (const [name, value] of params) {
    if (!isPlain(value)) conditions.push(onQueryParam(name, value.exact === "" ? undefined : regexOf(value)));
  }
  return {
    paths: uri === undefined ? [] : [pathOf(uri, ignoreUriCase)],
    methods: exactMethod === undefined ? [] : [exactMethod],
    headers: named.flatMap(([name, value]) =>
      isLookup(value) ? [{ name: name.toLowerCase(), exact: value.exact ?? "" }] : [],
    ),
    queryParams: params.flatMap(([name, value]) => (isPlain(value) ? [{ name, exact: value.exact ?? "" }] : [])),
    conditions,
  };
}

/** `prefix` is one of characters, not of segments. */
function pathOf({ exact, prefix, regex = "" }: IstioStringMatch, ignoreCase: boolean): PathTest {
  if (ignoreCase && exact !== undefined) return { kind: "regex", value: `(?i)${quote(exact)}` };
  if (ignoreCase && prefix !== undefined) return { kind: "regex", value: `(?i)${quote(prefix)}.*` };
  if (exact !== undefined) {
    return forms.path.holds(exact) ? { kind: "exact", value: exact } : { kind: "regex", value: quote(exact) };
  }
  return prefix === undefined ? { kind: "regex", value: regex } : startsWith(prefix);
}

/** The expression that matches the same values; undefined: there need only be a value. */
function regexOf({ exact, prefix, regex }: IstioStringMatch): string | undefined {
  if (exact !== undefined) return quote(exact);
  return prefix === undefined ? regex : `${quote(prefix)}.*`;
}

function withoutPort({ exact, prefix, regex }: IstioStringMatch): IstioStringMatch {
  return { exact: exact?.toLowerCase().replace(/:\d+$/, ""), prefix: prefix?.toLowerCase(), regex };
}

function wrongExpression(match: IstioHttpMatch): WrongMatch | undefined {
  const single = (["uri", "scheme", "method", "authority"] as const).map((field) => [field, match[field]] as const);
  const maps = (["headers", "withoutHeaders", "queryParams"] as const).flatMap((field) =>
    Object.entries(match[field]).map(([name, value]) => [`${field}["${name}"]`, value] as const),
  );
  for (const [field, value] of [...single, ...maps]) {
    const wrong = value?.regex === undefined ? undefined : wrongRegex([value.regex]);
    if (wrong !== undefined) return { field: `${field}.regex`, wrong };
  }
  const named = [...Object.keys(match.headers), ...Object.keys(match.withoutHeaders)];
  const name = named.find((header) => !forms.headerName.holds(header.toLowerCase()));
  return name === undefined ? undefined : { field: "headers", wrong: `"${name}" is no header name` };
}
