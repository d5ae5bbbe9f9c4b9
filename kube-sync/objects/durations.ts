const UNITS: ReadonlyMap<string, number> = new Map([
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
]);

/** What the edge's timers take: more than 24 days. */
const MAX_MS = 2_147_483_647;

/** Milliseconds of "1h30m", "2.5s" or "250ms", as Gateway API (GEP-2257) and Istio write them; undefined: it is none. */
export function milliseconds(duration: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:h|ms|m|s)){1,4}$/.test(duration)) return undefined;
  const parts = [...duration.matchAll(/([\d.]+)([a-z]+)/g)];
  const ms = parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * UNITS.get(unit)!, 0);
  return ms > MAX_MS ? undefined : Math.ceil(ms);
}
