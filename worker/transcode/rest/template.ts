/**
 * Path templates of google.api.http (google/api/http.proto, "Path template syntax"):
 *
 *     Template = "/" Segments [ Verb ] ;
 *     Segments = Segment { "/" Segment } ;
 *     Segment  = "*" | "**" | LITERAL | Variable ;
 *     Variable = "{" FieldPath [ "=" Segments ] "}" ;
 *     Verb     = ":" LITERAL ;
 */
export interface Template {
  /** Literals, "*" for any one segment, and "**", which is last, for any number of them. */
  readonly segments: readonly string[];
  readonly variables: readonly Variable[];
  /** Empty if it has none. */
  readonly verb: string;
}

export interface Variable {
  /** Names of fields, each in the message that the one before it holds. */
  readonly fieldPath: readonly string[];
  /** Which segments it stands for; `end` is one past the last. */
  readonly start: number;
  readonly end: number;
}

/** More than anyone's API has; each is a call within calls where a path is looked for. */
const maxSegments = 128;

/** Undefined if `text` is no template, or has too many segments. */
export function parseTemplate(text: string): Template | undefined {
  const [, path, verb = ""] = /^\/(.*?)(?::([^/:{}*]+))?$/.exec(text) ?? [];
  if (path === undefined) return undefined;
  const segments: string[] = [];
  const variables: Variable[] = [];
  for (const part of splitOutsideBraces(path)) {
    const variable = /^\{([\w.]+)(?:=([^{}]+))?\}$/.exec(part);
    if (variable === null) {
      segments.push(part);
      continue;
    }
    const inner = (variable[2] ?? "*").split("/");
    const start = segments.length;
    variables.push({ fieldPath: variable[1]!.split("."), start, end: start + inner.length });
    segments.push(...inner);
  }
  if (segments.length > maxSegments) return undefined;
  return segments.every((segment, i) => isSegment(segment, i === segments.length - 1))
    ? { segments, variables, verb }
    : undefined;
}

function isSegment(segment: string, last: boolean): boolean {
  if (segment === "**") return last;
  return segment === "*" || /^[^*{}=]+$/.test(segment);
}

function splitOutsideBraces(path: string): string[] {
  const parts = [""];
  let inBraces = false;
  for (const character of path) {
    if (character === "{" || character === "}") inBraces = character === "{";
    if (character === "/" && !inBraces) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}
