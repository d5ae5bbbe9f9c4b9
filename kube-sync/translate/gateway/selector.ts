import type { LabelSelector } from "../../objects/gateway.ts";

/** Whether labels satisfy a Kubernetes label selector; an empty one takes all. */
export function selects(
  { matchLabels, matchExpressions }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const label = labels[key];
      if (operator === "Exists") return label !== undefined;
      if (operator === "DoesNotExist") return label === undefined;
      // A label that is absent is in no set, and so not in this one.
      return (label !== undefined && values.includes(label)) === (operator === "In");
    })
  );
}
