/** A plan as header fields' values, the way it takes to a Durable Object. */
import type { Backend } from "../routes/model.ts";
import { Fields } from "./call/fields.ts";
import type { Plan } from "./plan.ts";

/** JSON in ASCII, with the names of the backends alone: they are the same for many calls, see backend-json.ts. */
export function planToJson(plan: Plan): string {
  const { head } = plan;
  return asciiJson({
    ...plan,
    targets: plan.targets.map(({ name }) => name),
    mirrors: plan.mirrors.map(({ name }) => name),
    head: { ...head, fields: head.fields.flat },
  });
}

/**
 * @param json of {@link planToJson}: it is not checked, nobody but the Worker reaches the Durable Object
 * @param backend gives them by name, and by index in {@link backendsOf}
 */
export function planFromJson(json: string, backend: (name: string, index: number) => Backend): Plan {
  const plan = JSON.parse(json) as Omit<Plan, "head" | "targets" | "mirrors"> & {
    readonly targets: readonly string[];
    readonly mirrors: readonly string[];
    readonly head: Omit<Plan["head"], "fields"> & { readonly fields: readonly string[] };
  };
  const targets = plan.targets.map(backend);
  const mirrors = plan.mirrors.map((name, index) => backend(name, targets.length + index));
  return { ...plan, targets, mirrors, head: { ...plan.head, fields: new Fields(plan.head.fields) } };
}

/** All backends that a plan names. */
export function backendsOf({ targets, mirrors }: Plan): readonly Backend[] {
  return mirrors.length === 0 ? targets : [...targets, ...mirrors];
}

/** `value` as JSON that a header field can have. */
export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value);
  return json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
