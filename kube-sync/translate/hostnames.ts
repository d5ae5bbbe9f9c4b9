/**
 * The hostnames that a listener and a route have in common, as Gateway API's `HTTPRouteSpec.hostnames` defines it.
 * "" stands for every host: a listener without hostname, or a route without hostnames.
 */
export function intersectHostnames(listener: string, route: readonly string[]): string[] {
  const common = (route.length === 0 ? [""] : route).flatMap((hostname) => {
    if (covers(listener, hostname)) return [hostname];
    return covers(hostname, listener) ? [listener] : [];
  });
  return [...new Set(common)];
}

/** Whether `wide` takes every host that `narrow` takes. "*.a.com" stands for one or more labels, never for none. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === "" || wide === narrow) return true;
  return wide.startsWith("*.") && narrow.endsWith(wide.slice(1)) && narrow !== wide.slice(1);
}

/** The hostname itself and all that cover it, from the narrowest to "". */
export function coveringHostnames(hostname: string): string[] {
  if (hostname === "") return [""];
  const labels = hostname.split(".");
  const wider = labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join(".")}`);
  return [...new Set([hostname, ...wider, ""])];
}
