import type { Form } from "../../routes/syntax.ts";

/**
 * Readers turn a parsed YAML or JSON value into a typed one. They never throw: what is wrong is added to `problems`
 * under its field path. After an error the value that a reader returns means nothing, and the object it belongs to is
 * left out.
 */

/** Something wrong with an object. An error leaves the object out, as the API server would; nothing else does. */
export interface Problem {
  readonly level: "error" | "warning" | "info";
  /** Such as "spec.rules[0].http.paths[1].pathType". */
  readonly field: string;
  readonly reason: string;
}

export type Reader<T> = (value: unknown, field: string, problems: Problem[]) => T;

/** What a reader gives. */
export type ReadOf<R> = R extends Reader<infer T> ? T : never;

/** A field that may be absent. */
interface Optional<T> {
  readonly read: Reader<T>;
  readonly absent: T;
}

/** A bare reader is a field that must be present. */
type Shape = Readonly<Record<string, Reader<unknown> | Optional<unknown>>>;

type ShapeOf<S extends Shape> = {
  readonly [K in keyof S]: S[K] extends Optional<infer T> ? T : S[K] extends Reader<infer T> ? T : never;
};

/** More items than any object that fits into etcd has. */
const MAX_ITEMS = 10_000;

function fail(problems: Problem[], field: string, reason: string): undefined {
  problems.push({ level: "error", field, reason });
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return JSON.stringify(value);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function childOf(field: string, key: string): string {
  const name = /^[A-Za-z0-9_]+$/.test(key) ? key : `["${key}"]`;
  return field === "" || name.startsWith("[") ? field + name : `${field}.${name}`;
}

export const string: Reader<string> = (value, field, problems) => {
  if (typeof value === "string") return value;
  const quote = typeof value === "number" || typeof value === "boolean" ? ": put it in quotes" : "";
  fail(problems, field, `must be a string, not ${describe(value)}${quote}`);
  return "";
};

export const boolean: Reader<boolean> = (value, field, problems) => {
  if (typeof value === "boolean") return value;
  fail(problems, field, `must be true or false, not ${describe(value)}`);
  return false;
};

export function integer(min: number, max: number): Reader<number> {
  return (value, field, problems) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    fail(problems, field, `must be a whole number from ${min} to ${max}, not ${describe(value)}`);
    return min;
  };
}

export const number: Reader<number> = (value, field, problems) => {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  fail(problems, field, `must be a number, not ${describe(value)}`);
  return 0;
};

export const port = integer(1, 65_535);

/** One of the given words. */
export function oneOf<const W extends string>(first: W, ...others: readonly W[]): Reader<W> {
  const words = [first, ...others];
  return (value, field, problems) => {
    const found = words.find((word) => word === value);
    if (found === undefined) fail(problems, field, `must be ${words.join(" or ")}, not ${describe(value)}`);
    return found ?? first;
  };
}

/** A string in one of the forms that the route table asks for. */
export function formed(form: Form): Reader<string> {
  return (value, field, problems) => {
    const text = string(value, field, problems);
    if (typeof value === "string" && !form.holds(text)) fail(problems, field, `must be ${form.says}`);
    return text;
  };
}

/** A value that is carried but not read. */
export const anything: Reader<unknown> = (value) => value;

/** A list; absent items are errors. */
export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, field, problems) => {
    if (!Array.isArray(value)) {
      fail(problems, field, `must be a list, not ${describe(value)}`);
      return [];
    }
    if (value.length > MAX_ITEMS) {
      fail(problems, field, `has ${value.length} items, more than ${MAX_ITEMS}`);
      return [];
    }
    return value.map((each: unknown, i) => item(each, `${field}[${i}]`, problems));
  };
}

/** A map with free keys, such as annotations. */
export function mapOf<T>(item: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, field, problems) => {
    // Without prototype, so that it has no key that was not given.
    const result: Record<string, T> = Object.create(null);
    if (!isMap(value)) {
      fail(problems, field, `must be a map, not ${describe(value)}`);
      return result;
    }
    for (const [key, each] of Object.entries(value)) result[key] = item(each, childOf(field, key), problems);
    return result;
  };
}

/** May be absent; then it is undefined. */
export function optional<T>(read: Reader<T>): Optional<T | undefined> {
  return { read, absent: undefined };
}

/** May be absent; then it is `absent`. */
export function either<T>(read: Reader<T>, absent: NoInfer<T>): Optional<T> {
  return { read, absent };
}

/** May be absent; then it is empty. */
export function listOrEmpty<T>(item: Reader<T>): Optional<readonly T[]> {
  return { read: list(item), absent: [] };
}

/** A map of which all fields are known: any other is reported, as it is most often a misspelt one. */
export function object<S extends Shape>(shape: S): Reader<ShapeOf<S>> {
  return (value, field, problems) => {
    if (isMap(value)) {
      for (const key of Object.keys(value)) {
        if (Object.hasOwn(shape, key)) continue;
        problems.push({ level: "warning", field: childOf(field, key), reason: "is not a known field and is ignored" });
      }
    }
    return part(shape)(value, field, problems);
  };
}

/** A map of which only the given fields are read. */
export function part<S extends Shape>(shape: S): Reader<ShapeOf<S>> {
  const fields = Object.entries(shape);
  return (value, field, problems) => {
    const result: Record<string, unknown> = {};
    if (isMap(value)) {
      for (const [key, reader] of fields) result[key] = readField(reader, value[key], childOf(field, key), problems);
    } else {
      fail(problems, field, `must be a map, not ${value === null ? "empty" : describe(value)}`);
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- built from the shape, or beside an error
    return result as ShapeOf<S>;
  };
}

function readField(
  reader: Reader<unknown> | Optional<unknown>,
  value: unknown,
  field: string,
  problems: Problem[],
): unknown {
  // Kubernetes takes null for absent.
  const absent = value === undefined || value === null;
  if (typeof reader !== "function") return absent ? reader.absent : reader.read(value, field, problems);
  return absent ? fail(problems, field, "is missing") : reader(value, field, problems);
}

/** What `read` gives, if `check` finds nothing wrong with it. */
export function checked<T>(
  read: Reader<T>,
  check: (value: T) => { readonly field?: string; readonly reason: string } | undefined,
): Reader<T> {
  return (value, field, problems) => {
    const before = problems.length;
    const result = read(value, field, problems);
    if (problems.slice(before).some(({ level }) => level === "error")) return result;
    const found = check(result);
    if (found !== undefined) fail(problems, found.field ? childOf(field, found.field) : field, found.reason);
    return result;
  };
}
