/** A plan as a header field's value, the way it takes to a Durable Object. */
import { Fields } from "./call/fields.ts";
import type { Plan } from "./plan.ts";

/** JSON in ASCII. */
export function planToJson(plan: Plan): string {
  const { head } = plan;
  const json = JSON.stringify({ ...plan, head: { ...head, fields: head.fields.flat } });
  return json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** @param json of {@link planToJson}: it is not checked, nobody but the Worker reaches the Durable Object */
export function planFromJson(json: string): Plan {
  const plan = JSON.parse(json) as Omit<Plan, "head"> & { head: Omit<Plan["head"], "fields"> & { fields: string[] } };
  return { ...plan, head: { ...plan.head, fields: new Fields(plan.head.fields) } };
}
