/** Times among the Worker's variables. */

/** Some eleven days: no timer takes more than twice that. */
const seconds = /^[0-9]{1,6}$/;

/**
 * What the variable `name` says in seconds, in milliseconds. One that says nothing of the kind is told of in the log, and
 * is no reason to answer no calls.
 */
export function millisOf(
  name: string,
  value: string | number | undefined,
  defaultSeconds: number,
  log: (line: string) => void = console.error,
): number {
  const text = String(value ?? ""); // variables in wrangler.toml may be numbers
  if (seconds.test(text)) return Number(text) * 1_000;
  if (text !== "") {
    const must = "must be a whole number of seconds, 999999 at most";
    log(`edgeway: ${name} ${must}, not ${JSON.stringify(text)}: it counts as ${defaultSeconds}`);
  }
  return defaultSeconds * 1_000;
}
