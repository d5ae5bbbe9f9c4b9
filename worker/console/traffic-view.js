// @ts-check
/** Traffic by route, backend and status. */
import { bytes, card, duration, fill, h, number, percent, statusNames, table } from "./dom.js";
import { Plot } from "./plots.js";
import { quantile, slotCount, slotSeconds, sum } from "./traffic.js";

/** Statuses that have a line of their own. */
const mostLines = 6;

/** @typedef {import("./traffic.js").Row} Row */

/** @returns {import("./types.d.ts").View} */
export function trafficView() {
  const route = choice("Route");
  const backend = choice("Backend");
  const status = choice("Status");
  const rateHost = h("div", { class: "plot" });
  const errorHost = h("div", { class: "plot" });
  const latencyHost = h("div", { class: "plot" });
  const openHost = h("div", { class: "plot" });
  const rows = h("div");
  const element = h(
    "div",
    null,
    h("h1", { class: "hidden" }, "Traffic"),
    h("div", { class: "bar" }, route.element, backend.element, status.element),
    h("div", { class: "columns" }, card("Calls per second, by status", rateHost), card("Errors per second", errorHost)),
    h("div", { class: "columns" }, card("Latency", latencyHost), card("Open calls, whole edge", openHost)),
    card("Last five minutes", rows),
  );
  /** @type {Plot | undefined} */
  let rate;
  /** @type {Plot[] | undefined} */
  let others;
  let lines = "";
  /** @type {import("./types.d.ts").State | undefined} */
  let last;
  const update = (/** @type {import("./types.d.ts").State} */ state) => {
    last = state;
    const slots = state.history.slots();
    const all = slots.flatMap((slot) => slot.rows);
    route.set(all.map((row) => row.route));
    backend.set(all.map((row) => row.backend));
    status.set(all.map(statusOf));
    const wanted = (/** @type {Row} */ row) =>
      route.takes(row.route) && backend.takes(row.backend) && status.takes(statusOf(row));
    const chosen = slots.map((slot) => slot.rows.filter(wanted));
    const times = slots.map(({ at }) => at / 1000);
    const statuses = [...new Set(chosen.flat().map(statusOf))].toSorted(compare).slice(0, mostLines);
    if (statuses.join() !== lines || rate === undefined) {
      lines = statuses.join();
      rate?.destroy();
      rate = new Plot(
        rateHost,
        statuses.map((label) => ({ label, bad: label !== "OK" && statuses.length === 1 })),
        number,
      );
    }
    rate.set([
      times,
      ...statuses.map((name) =>
        chosen.map(
          (own) =>
            own.filter((row) => statusOf(row) === name).reduce((calls, row) => calls + row.calls, 0) / slotSeconds,
        ),
      ),
    ]);
    others ??= [
      new Plot(errorHost, [{ label: "errors", bad: true }], number),
      new Plot(latencyHost, [{ label: "p50" }, { label: "p95" }, { label: "p99" }], duration),
      new Plot(openHost, [{ label: "open" }], number),
    ];
    const sums = chosen.map(sum);
    const line = (/** @type {number} */ share) =>
      sums.map(({ calls, buckets }) => (calls === 0 ? null : quantile(buckets, share)));
    others[0]?.set([times, sums.map(({ errors }) => errors / slotSeconds)]);
    others[1]?.set([times, line(0.5), line(0.95), line(0.99)]);
    others[2]?.set([times, slots.map(({ open }) => open)]);
    fill(rows, summary(chosen.flat()));
  };
  for (const each of [route, backend, status]) each.element.addEventListener("change", () => last && update(last));
  return {
    element,
    update,
    resize() {
      for (const plot of [rate, ...(others ?? [])]) plot?.resize();
    },
    close() {
      for (const plot of [rate, ...(others ?? [])]) plot?.destroy();
    },
  };
}

/** @param {Row} row */
function statusOf({ protocol, status }) {
  if (protocol === "http") return status === "" ? "gone" : `HTTP ${status}`;
  return statusNames[Number(status)] ?? "UNKNOWN";
}

/** @param {readonly Row[]} rows */
function summary(rows) {
  const groups = Map.groupBy(rows, (row) => `${row.route} ${row.backend}`);
  const sorted = [...groups.values()]
    .map((own) => ({ own, total: sum(own) }))
    .toSorted((a, b) => b.total.calls - a.total.calls);
  return table(
    ["Route", "Backend", ">Calls", ">per s", ">Errors", ">p50", ">p95", ">p99", ">In", ">Out"],
    sorted.map(({ own, total }) => [
      h("code", null, own[0]?.route || "(no rule)"),
      h("code", null, own[0]?.backend || "–"),
      number(total.calls),
      number(total.calls / (slotCount * slotSeconds)),
      total.errors === 0 ? "0 %" : h("span", { class: "error" }, percent(total.errors / total.calls)),
      ...[0.5, 0.95, 0.99].map((share) => duration(quantile(total.buckets, share))),
      bytes(total.requestBytes),
      bytes(total.responseBytes),
    ]),
    "No calls in this time.",
  );
}

/** A list to choose one of what is seen, or all. @param {string} name */
function choice(name) {
  const select = h("select");
  /** @type {string[]} */
  let known = [];
  const option = (/** @type {string} */ value) => h("option", { value }, value === "" ? "All" : value);
  select.append(option(""));
  return {
    element: h("label", null, name, select),
    /** @param {string[]} values */
    set(values) {
      const next = [
        ...new Set([...values.filter((value) => value !== ""), ...(select.value === "" ? [] : [select.value])]),
      ].toSorted(compare);
      if (next.join() === known.join()) return;
      known = next;
      const { value } = select;
      select.replaceChildren(...["", ...next].map(option));
      select.value = value;
    },
    /** @param {string} value @returns {boolean} */
    takes: (value) => select.value === "" || select.value === value,
  };
}

/** @param {string} a @param {string} b */
function compare(a, b) {
  return a < b ? -1 : 1;
}
