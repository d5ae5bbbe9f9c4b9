// @ts-check
/** The route map, and why a request goes where it goes. */
import * as api from "./api.js";
import { badge, card, fill, h, percent, table } from "./dom.js";

/** Rows that are drawn: to search is quicker than to scroll. */
const mostShown = 200;

/** @typedef {import("../admin/console-view.ts").RouteRow} RouteRow */

/** @returns {import("./types.d.ts").View} */
export function routesView() {
  const search = h("input", {
    type: "search",
    placeholder: "Host, path, service, backend or object",
    "aria-label": "Search routes",
  });
  const count = h("span", { class: "muted", role: "status" });
  const rows = h("div");
  const element = h(
    "div",
    null,
    h("h1", { class: "hidden" }, "Routes"),
    asking(),
    card("Route map", h("div", { class: "bar" }, search, count), rows),
  );
  /** @type {{ row: RouteRow, text: string }[]} */
  let known = [];
  let more = 0;
  let revision = "";
  /** @type {Ill} */
  let ill = new Map();
  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/);
    const found = known.filter(({ text }) => words.every((/** @type {string} */ word) => text.includes(word)));
    fill(count, `${found.length} of ${known.length + more} in revision ${revision}`);
    fill(
      rows,
      table(
        ["Host", "Match", "Filters", "Backends", "Object"],
        found.slice(0, mostShown).map(({ row }) => cells(row, ill)),
        known.length === 0 ? "The table has no routes." : "No route has these words.",
      ),
      found.length > mostShown &&
        h("p", { class: "muted" }, `The first ${mostShown} are shown: search for the others.`),
    );
  };
  search.addEventListener("input", draw);
  let loading = false;
  return {
    element,
    update({ overview, traffic }) {
      const before = [...ill].join();
      ill = new Map(
        traffic.pools.filter(({ state }) => state !== "well").map((pool) => [keyOf(pool.backend, pool), pool.state]),
      );
      if (before !== [...ill].join()) draw();
      if (overview.revision === revision || loading) return;
      loading = true;
      api
        .routes()
        .then((view) => {
          ({ revision, more } = view);
          known = view.rows.map((row) => ({ row, text: cells(row).flat(9).map(textOf).join(" ").toLowerCase() }));
          draw();
        })
        .catch(() => {}) // the next update asks again
        .finally(() => (loading = false));
    },
  };
}

/** @param {unknown} cell @returns {string} */
function textOf(cell) {
  return cell instanceof Node
    ? (cell.textContent ?? "")
    : typeof cell === "string" || typeof cell === "number"
      ? String(cell)
      : "";
}

/** @param {RouteRow} row @param {Ill} [ill] */
function cells(row, ill) {
  return [
    h("strong", null, row.hostname || "any host"),
    matchOf(row.match),
    row.filters.map(({ kind }) => badge(kind)),
    shares(row.backends, ill),
    [
      h("span", { class: "muted" }, `${row.cluster}: `),
      `${row.kind} ${row.namespace}/${row.name}`,
      h("span", { class: "muted" }, ` rule ${row.ruleIndex}`),
    ],
  ];
}

/** @param {RouteRow["match"]} match */
function matchOf({ path, method, headers, params, conditions, rpcOnly, protocols }) {
  /** @type {string[]} */
  const more = [];
  if (method !== undefined) more.push(method);
  if (rpcOnly) more.push("calls only");
  if (protocols.length > 0) more.push(protocols.join(", "));
  for (const [name, value] of headers) more.push(`${name}: ${value}`);
  for (const [name, value] of params) more.push(`?${name}=${value}`);
  for (const { subject, pattern, negate } of conditions)
    more.push(
      `${subject.kind}${subject.name === undefined ? "" : ` ${subject.name}`} ${negate ? "≁" : "~"} ${pattern?.text ?? "(any)"}`,
    );
  return [h("code", null, pathOf(path)), ...more.map((text) => badge(text))];
}

/** @param {RouteRow["match"]["path"]} path */
function pathOf(path) {
  switch (path.kind) {
    case "exact":
      return path.path;
    case "prefix":
      return path.path === "/" ? "/*" : `${path.path}/*`;
    case "service":
      return `/${path.service}/{method}`;
    case "method":
      return `/{service}/${path.method}`;
  }
}

/** Addresses that are shown of a backend. */
const mostAddresses = 3;

/** @param {RouteRow["backends"]} backends @param {Ill} [ill] */
function shares(backends, ill = new Map()) {
  if (backends.length === 0) return h("span", { class: "muted" }, "none");
  return backends.map(({ backend, invalid, share, failover, protocol, transport, tls, endpoints }) => {
    if (backend === null) return h("div", null, badge(percent(share)), h("span", { class: "error" }, invalid));
    const means = [protocol, tls && "TLS", transport !== "connection" && transport].filter(Boolean).join(", ");
    const more = endpoints.length - mostAddresses;
    return h(
      "div",
      null,
      backends.length > 1 && badge(percent(share)),
      failover > 0 && badge("stands by", "warn"),
      h("code", null, backend),
      h("small", { class: "muted" }, ` ${means} at `),
      endpoints.slice(0, mostAddresses).map((endpoint) => address(endpoint, ill.get(keyOf(backend, endpoint)))),
      endpoints.length === 0 && h("span", { class: "error" }, "no endpoint"),
      more > 0 && h("small", { class: "muted" }, `and ${more} more`),
    );
  });
}

/** @param {import("../admin/explain.ts").EndpointView} endpoint @param {string} [now] what is known of it since */
function address({ host, port, state }, now = state) {
  return [h("small", { class: "muted" }, `${host}:${port} `), now !== undefined && now !== "well" && badge(now, "bad")];
}

/** @typedef {Map<string, string>} Ill states of the addresses that get no calls */

/** @param {string} backend @param {{ host: string, port: number }} endpoint */
function keyOf(backend, { host, port }) {
  return `${backend} ${host} ${port}`;
}

/** The form that asks why. */
function asking() {
  const url = h("input", {
    id: "explain-url",
    placeholder: "https://host/path, or package.Service/Method",
    required: true,
  });
  const headers = h("input", { id: "explain-headers", placeholder: "name: value, name: value" });
  const answer = h("div", { "aria-live": "polite" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      fill(answer, explained(await api.explain(questionOf(url.value.trim(), headers.value))));
    } catch (error) {
      fill(answer, h("p", { class: "error" }, error instanceof Error ? error.message : String(error)));
    }
  };
  return card(
    "Where does it go?",
    h(
      "form",
      { class: "bar", onsubmit: submit },
      h("label", { class: "grow" }, "URL or method", url),
      h("label", null, "Headers", headers),
      h("button", { type: "submit", class: "primary" }, "Explain"),
    ),
    answer,
  );
}

/** @param {string} target @param {string} headers */
function questionOf(target, headers) {
  const pairs = headers
    .split(",")
    .filter((pair) => pair.includes(":"))
    .map(
      (pair) =>
        /** @type {[string, string]} */ ([
          pair.slice(0, pair.indexOf(":")).trim(),
          pair.slice(pair.indexOf(":") + 1).trim(),
        ]),
    );
  if (/^https?:\/\//.test(target)) return { url: target, method: "GET", headers: pairs };
  const path = target.startsWith("/") ? target : `/${target}`;
  return {
    url: `${location.origin}${path}`,
    method: "POST",
    headers: [/** @type {[string, string]} */ (["content-type", "application/grpc"]), ...pairs],
  };
}

/** @param {import("../admin/explain.ts").Explanation} explanation */
function explained({ winner, refused, rules, withheld }) {
  const lost = rules.filter(({ outcome }) => outcome === "loses");
  return h(
    "div",
    { class: "explained" },
    winner === null
      ? h("p", { class: "error" }, refused ?? "No rule takes it.")
      : h(
          "div",
          { class: "winner" },
          h(
            "p",
            null,
            badge("goes by", "good"),
            " ",
            objectOf(winner),
            " for ",
            h("strong", null, winner.hostname || "any host"),
            " ",
            matchOf(winner.match),
          ),
          winner.filters.length > 0 &&
            h(
              "p",
              null,
              "Filters: ",
              winner.filters.map(({ kind }) => badge(kind)),
            ),
          shares(winner.backends),
        ),
    lost.length > 0 &&
      h(
        "details",
        { open: winner === null },
        h("summary", null, `${lost.length} other ${lost.length === 1 ? "rule" : "rules"} of its host`),
        h(
          "ul",
          null,
          lost
            .slice(0, mostShown)
            .map((rule) =>
              h("li", null, objectOf(rule), " ", matchOf(rule.match), h("div", { class: "muted" }, rule.reason)),
            ),
        ),
      ),
    withheld
      .slice(0, mostShown)
      .map(({ cluster, kind, namespace, name, hostname }) =>
        h(
          "p",
          null,
          badge("not granted", "warn"),
          ` ${cluster}: ${kind} ${namespace}/${name} for ${hostname || "any host"}`,
        ),
      ),
  );
}

/** @param {import("../admin/explain.ts").RuleName} rule */
function objectOf(rule) {
  return `${rule.cluster}: ${rule.kind} ${rule.namespace}/${rule.name}, rule ${rule.ruleIndex}`;
}
