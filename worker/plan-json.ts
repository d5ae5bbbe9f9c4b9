/** A plan as header fields' values, the way it takes to a Durable Object. */
import type { Backend } from "../routes/model.ts";
import { Fields } from "./call/fields.ts";
import type { Plan } from "./plan.ts";

/** JSON in ASCII, with the names of the targets alone: they are the same for many calls, see backend-json.ts. */
export function planToJson(plan: Plan): string {
  const { head } = plan;
  return asciiJson({
    ...plan,
    targets: plan.targets.map(({ name }) => name),
    head: { ...head, fields: head.fields.flat },
  });
}

/** @param json of {@link planToJson}: it is not checked, nobody but the Worker reaches the Durable Object */
export function planFromJson(json: string, backend: (name: string, index: number) => Backend): Plan {
  const plan = JSON.parse(json) as Omit<Plan, "head" | "targets"> & {
    readonly targets: readonly string[];
    readonly head: Omit<Plan["head"], "fields"> & { readonly fields: readonly string[] };
  };
  return { ...plan, targets: plan.targets.map(backend), head: { ...plan.head, fields: new Fields(plan.head.fields) } };
}

/** `value` as JSON that a header field can have. */
export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value);
  return json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
