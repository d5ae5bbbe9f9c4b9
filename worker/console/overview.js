// @ts-check
/** The first view: whether all is well, and if not, since when and why. */
import { age, badge, card, clock, duration, fill, h, number, percent, statusNames, table } from "./dom.js";
import { Plot } from "./plots.js";
import { quantile, slotSeconds, sum } from "./traffic.js";

/** Slots that the figures at the top are of. */
const recent = 15;

/** @returns {import("./types.d.ts").View} */
export function overviewView() {
  const tiles = h("div", { class: "tiles" });
  const rateHost = h("div", { class: "plot" });
  const latencyHost = h("div", { class: "plot" });
  const clusters = h("div");
  const pushes = h("div");
  const failed = h("div");
  const element = h(
    "div",
    null,
    h("h1", { class: "hidden" }, "Overview"),
    tiles,
    h("div", { class: "columns" }, card("Calls per second", rateHost), card("Latency", latencyHost)),
    card("Clusters", clusters),
    h("div", { class: "columns" }, card("Recent pushes", pushes), card("Recent failed calls", failed)),
  );
  /** @type {Plot[] | undefined} */
  let plots;
  return {
    element,
    update({ overview, traffic, history }) {
      plots ??= [
        new Plot(rateHost, [{ label: "calls" }, { label: "errors", bad: true }], number),
        new Plot(latencyHost, [{ label: "p50" }, { label: "p95" }, { label: "p99" }], duration),
      ];
      const slots = history.slots();
      const sums = slots.map(({ rows }) => sum(rows));
      const times = slots.map(({ at }) => at / 1000);
      plots[0]?.set([
        times,
        sums.map(({ calls }) => calls / slotSeconds),
        sums.map(({ errors }) => errors / slotSeconds),
      ]);
      const line = (/** @type {number} */ share) =>
        sums.map(({ calls, buckets }) => (calls === 0 ? null : quantile(buckets, share)));
      plots[1]?.set([times, line(0.5), line(0.95), line(0.99)]);
      const last = sum(slots.slice(-recent).flatMap(({ rows }) => rows));
      const open = traffic.open.reduce((all, { count }) => all + count, 0);
      fill(
        tiles,
        tile("Calls per second", number(last.calls / recent / slotSeconds), "last 30 s"),
        tile("Errors", last.calls === 0 ? "–" : percent(last.errors / last.calls), "of the calls", last.errors > 0),
        tile("Latency, p95", duration(quantile(last.buckets, 0.95)), "of the calls"),
        tile("Open", number(open), "calls under way"),
      );
      fill(clusters, clusterTable(overview));
      fill(pushes, pushList(overview));
      fill(failed, failedList(traffic.failed));
    },
    resize() {
      for (const plot of plots ?? []) plot.resize();
    },
    close() {
      for (const plot of plots ?? []) plot.destroy();
    },
  };
}

/** @param {string} name @param {string} value @param {string} of @param {boolean} [bad] */
function tile(name, value, of, bad) {
  return h(
    "div",
    { class: bad ? "tile bad" : "tile" },
    h("span", null, name),
    h("strong", null, value),
    h("small", null, of),
  );
}

/** @param {import("./types.d.ts").Overview} overview */
function clusterTable({ clusters, now }) {
  const rows = clusters.map(({ cluster, revision, pushedMillis, routes, withheldRoutes, backends, ...state }) => [
    [
      h("strong", null, cluster),
      state.drained && [" ", badge("drained", "warn")],
      state.silent && [" ", badge(`silent for ${age(now - state.reportedMillis)}`, "warn")],
      withheldRoutes > 0 && [" ", badge(`${withheldRoutes} not granted`, "warn")],
    ],
    revision,
    `${age(now - pushedMillis)} ago`,
    routes,
    backends,
  ]);
  return table(["Cluster", ">Revision", "Last push", ">Routes", ">Backends"], rows, "No cluster has pushed yet.");
}

/** @param {import("./types.d.ts").Overview} overview */
function pushList({ pushes }) {
  if (pushes.recent.length === 0) return h("p", { class: "empty" }, "None.");
  return h(
    "ol",
    { class: "events" },
    pushes.recent
      .slice(0, 12)
      .map(({ time, cluster, revision, reason, routes, backends }) =>
        h(
          "li",
          null,
          h("time", null, clock(time)),
          revision === null
            ? badge("refused", "bad")
            : badge(revision === "" ? "forgotten" : `revision ${revision}`, "good"),
          h("strong", null, ` ${cluster}`),
          reason === null ? differences("route", routes) : h("div", { class: "error" }, reason),
          reason === null && differences("backend", backends),
        ),
      ),
  );
}

/** @param {string} noun @param {import("../admin/pushes.ts").Difference} difference */
function differences(noun, { added, changed, removed }) {
  /** @type {[string, readonly string[]][]} */
  const parts = [
    ["+", added],
    ["~", changed],
    ["−", removed],
  ];
  return parts
    .filter(([, keys]) => keys.length > 0)
    .map(([sign, keys]) =>
      h(
        "div",
        { class: "difference" },
        h("b", null, sign),
        ` ${noun} ${keys.slice(0, 3).join(", ")}`,
        keys.length > 3 && ` and ${keys.length - 3} more`,
      ),
    );
}

/** @param {readonly import("../observe/traffic.ts").FailedCall[]} calls */
function failedList(calls) {
  if (calls.length === 0) return h("p", { class: "empty" }, "None.");
  return h(
    "ol",
    { class: "events" },
    calls
      .toReversed()
      .slice(0, 12)
      .map((call) =>
        h(
          "li",
          null,
          h("time", null, clock(call.time)),
          badge(
            call.grpcStatus === undefined ? String(call.httpStatus ?? "gone") : (statusNames[call.grpcStatus] ?? ""),
            "bad",
          ),
          h("code", null, ` ${call.path}`),
          h("div", null, call.reason === "" ? `the origin's own status, by ${call.backend}` : call.reason),
        ),
      ),
  );
}
