// @ts-check
/** Connections to origins, and calls under way. */
import { badge, card, fill, h, table } from "./dom.js";

/** @returns {import("./types.d.ts").View} */
export function connectionsView() {
  const pools = h("div");
  const open = h("div");
  const element = h(
    "div",
    null,
    h("h1", { class: "hidden" }, "Connections"),
    card("Connections to origins", pools),
    card("Calls under way", open),
  );
  return {
    element,
    update({ traffic }) {
      const rows = traffic.pools
        .toSorted((a, b) => b.calls - a.calls || (a.host < b.host ? -1 : 1))
        .map((pool) => [
          h("code", null, `${pool.host.includes(":") ? `[${pool.host}]` : pool.host}:${pool.port}`),
          h("code", null, pool.backend),
          [badge(pool.protocol === "http2" ? "HTTP/2" : "HTTP/1.1"), pool.tls && badge("TLS", "good")],
          badge(pool.state, pool.state === "well" ? "good" : "bad"),
          pool.connections,
          pool.calls,
          pool.waiting === 0 ? 0 : h("span", { class: "error" }, pool.waiting),
        ]);
      fill(
        pools,
        table(
          ["Address", "Backend", "Protocol", "State", ">Connections", ">Calls", ">Waiting"],
          rows,
          "No connection has been opened yet.",
        ),
      );
      const calls = traffic.open
        .toSorted((a, b) => b.count - a.count)
        .map(({ route, count }) => [h("code", null, route || "(no rule)"), count]);
      fill(open, table(["Route", ">Calls"], calls));
    },
  };
}
