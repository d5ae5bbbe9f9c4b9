import type { Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";

/** The form of a health check's annotation, and how to name it. */
export type HealthCheckForms = Readonly<
  Record<string, readonly [form: RegExp | readonly [min: number, max: number], says: string]>
>;

/** Health checks are read, so that mistakes show, but not made: the edge learns of a sick origin from its calls. */
export function checkHealthChecks(reading: Reading, forms: HealthCheckForms): void {
  for (const [name, [form, says]] of Object.entries(forms)) {
    const value = annotationOf(reading, name)?.trim();
    if (value === undefined) continue;
    const holds = form instanceof RegExp ? form.test(value) : isBetween(value, form);
    if (holds) sayOf(reading, name, "info", "is understood, but the edge makes no health checks yet");
    else sayOf(reading, name, "error", `must be ${says}, not "${value}": ignored`);
  }
}

function isBetween(value: string, [min, max]: readonly [number, number]): boolean {
  return /^\d{1,6}$/.test(value) && Number(value) >= min && Number(value) <= max;
}
