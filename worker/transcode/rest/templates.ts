/** The HTTP requests that a descriptor set's methods are mapped to, as a tree of path segments. */
import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { http_rule, type HttpRule } from "../../../proto/gen/edgeway/v1/http_rule_pb.js";
import { decodePercentText } from "../../wire/percent.ts";
import { parseTemplate, type Template } from "./template.ts";

/** One way to reach a method by HTTP. */
export interface Binding {
  readonly method: DescMethod;
  /** The fields that the template's variables set, each in the message that the one before it holds. */
  readonly variables: readonly (readonly DescField[])[];
  /** The field that the HTTP body holds: "*" for the whole request. */
  readonly body: DescField | "*" | undefined;
  /** The field of the answer that becomes the HTTP body; undefined for the whole. */
  readonly responseBody: DescField | undefined;
}

/** What a request is mapped to. */
export interface Found {
  readonly binding: Binding;
  /** The texts of the template's variables, in their order, percent-decoded. */
  readonly values: readonly string[];
  /** Without "?". */
  readonly query: string;
}

interface Placed {
  readonly template: Template;
  readonly binding: Binding;
}

/** By verb and HTTP method; a method of "*" stands for all. */
type Leaf = Map<string, Map<string, Placed>>;

interface Node {
  readonly literals: Map<string, Node>;
  /** Below "*". */
  any: Node | undefined;
  /** What ends in "**" here. */
  rest: Leaf | undefined;
  leaf: Leaf | undefined;
}

/** Additional bindings of one method that are read. */
const maxBindings = 100;

export class Templates {
  readonly #root = newNode();

  constructor(methods: Iterable<DescMethod>) {
    for (const method of methods) {
      const rule = ruleOf(method);
      if (rule === undefined) continue;
      for (const each of [rule, ...rule.additionalBindings.slice(0, maxBindings)]) this.#add(method, each);
    }
  }

  /** What a request is for; `path` with its query. */
  find(httpMethod: string, path: string): Found | undefined {
    const mark = path.indexOf("?");
    const raw = (mark < 0 ? path : path.slice(0, mark)).split("/").slice(1);
    const last = raw.at(-1) ?? "";
    const colon = last.lastIndexOf(":");
    const cut = [...raw.slice(0, -1), last.slice(0, colon)];
    const verb = last.slice(colon + 1);
    const withVerb = colon < 0 ? undefined : search(this.#root, cut, 0, (leaf) => pick(leaf, verb, httpMethod));
    const placed = withVerb ?? search(this.#root, raw, 0, (leaf) => pick(leaf, "", httpMethod));
    if (placed === undefined) return undefined;
    const { template, binding } = placed;
    const segments = withVerb === undefined ? raw : cut;
    const values = template.variables.map(({ start, end }) => textOf(template, segments, start, end));
    return { binding, values, query: mark < 0 ? "" : path.slice(mark + 1) };
  }

  /** A rule that does not fit its method is left out: compilers of such files refuse it too. */
  #add(method: DescMethod, rule: HttpRule): void {
    const [httpMethod, text] = patternOf(rule);
    const template = parseTemplate(text);
    const binding = template && bind(method, rule, template);
    if (template === undefined || binding === undefined) return;
    let node = this.#root;
    for (const segment of template.segments) {
      if (segment === "**") break;
      if (segment === "*") node = node.any ??= newNode();
      else node = getOrAdd(node.literals, segment, newNode);
    }
    const leaf: Leaf = template.segments.at(-1) === "**" ? (node.rest ??= new Map()) : (node.leaf ??= new Map());
    const byMethod = getOrAdd(leaf, template.verb, () => new Map<string, Placed>());
    if (!byMethod.has(httpMethod)) byMethod.set(httpMethod, { template, binding });
  }
}

function newNode(): Node {
  return { literals: new Map(), any: undefined, rest: undefined, leaf: undefined };
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** Literals before "*" before "**". It looks at each node once at most, however the path is made. */
function search(
  node: Node,
  segments: readonly string[],
  at: number,
  accept: (leaf: Leaf | undefined) => Placed | undefined,
): Placed | undefined {
  const segment = segments[at];
  if (segment === undefined) return accept(node.leaf) ?? accept(node.rest);
  const literal = node.literals.get(decodePercentText(segment));
  return (
    (literal && search(literal, segments, at + 1, accept)) ??
    (segment !== "" && node.any ? search(node.any, segments, at + 1, accept) : undefined) ??
    accept(node.rest)
  );
}

function pick(leaf: Leaf | undefined, verb: string, httpMethod: string): Placed | undefined {
  const byMethod = leaf?.get(verb);
  return byMethod?.get(httpMethod) ?? byMethod?.get("*");
}

/** Of several segments a slash that was escaped stays so, as it would be taken for one between them (http.proto). */
function textOf({ segments: pattern }: Template, segments: readonly string[], start: number, end: number): string {
  const open = pattern[end - 1] === "**";
  if (!open && end - start === 1) return decodePercentText(segments[start]!);
  const raw = segments.slice(start, open ? undefined : end).join("/");
  return decodePercentText(raw.replaceAll(/%(2f)/gi, "%25$1"));
}

/** Undefined if the method has none, or one that is no such message: options are bytes to those who read the set. */
function ruleOf(method: DescMethod): HttpRule | undefined {
  if (!hasOption(method, http_rule)) return undefined;
  try {
    return getOption(method, http_rule);
  } catch {
    return undefined;
  }
}

function patternOf({ pattern }: HttpRule): [httpMethod: string, template: string] {
  if (pattern.case === undefined) return ["", ""];
  if (pattern.case === "custom") return [pattern.value.kind, pattern.value.path];
  return [pattern.case.toUpperCase(), pattern.value];
}

function bind(method: DescMethod, rule: HttpRule, template: Template): Binding | undefined {
  const variables = template.variables.map(({ fieldPath }) => resolve(method.input, fieldPath));
  const body = rule.body === "*" || rule.body === "" ? rule.body : fieldOf(method.input, rule.body);
  const responseBody = rule.responseBody === "" ? "" : fieldOf(method.output, rule.responseBody);
  if (body === undefined || responseBody === undefined || !variables.every(isComplete)) return undefined;
  return { method, variables, body: body || undefined, responseBody: responseBody || undefined };
}

function isComplete(fields: readonly DescField[] | undefined): fields is readonly DescField[] {
  return fields !== undefined;
}

/** The fields along `names`; undefined if there is none, or one of them but the last holds no single message. */
export function resolve(message: DescMessage, names: readonly string[]): readonly DescField[] | undefined {
  const fields: DescField[] = [];
  let holder: DescMessage | undefined = message;
  for (const name of names) {
    const field: DescField | undefined = holder && fieldOf(holder, name);
    if (field === undefined) return undefined;
    fields.push(field);
    holder = field.fieldKind === "message" ? field.message : undefined;
  }
  return fields;
}

/** By either of a field's names. */
function fieldOf(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.name === name || field.jsonName === name);
}
