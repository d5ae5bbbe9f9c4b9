// @ts-check
/** The page: who may see it, which view is shown, and what keeps it up to date. */
import * as api from "./api.js";
import { connectionsView } from "./connections.js";
import { fill, h } from "./dom.js";
import { explorerView } from "./explorer.js";
import { overviewView } from "./overview.js";
import { routesView } from "./routes.js";
import { History } from "./traffic.js";
import { trafficView } from "./traffic-view.js";

/** @type {Record<string, [title: string, make: () => import("./types.d.ts").View]>} */
const views = {
  overview: ["Overview", overviewView],
  traffic: ["Traffic", trafficView],
  routes: ["Routes", routesView],
  connections: ["Connections", connectionsView],
  explorer: ["Explorer", explorerView],
};

/** Milliseconds between two questions for what is new in the table; a page that nobody sees asks none. */
const pollMs = 250;
/** Of so many of them, one also asks for the traffic. */
const trafficEvery = 4;

const main = element("view");
const nav = element("nav");
const state = element("state");
const history = new History();
/** @type {import("./types.d.ts").View | undefined} */
let shown;
/** @type {import("./types.d.ts").State | undefined} */
let known;

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

function show() {
  const wanted = location.hash.replace("#/", "");
  const name = wanted in views ? wanted : "overview";
  if (nav.childElementCount === 0)
    nav.append(...Object.entries(views).map(([key, [title]]) => h("a", { href: `#/${key}` }, title)));
  // The links stay, so that the one that has the focus keeps it.
  for (const link of nav.querySelectorAll("a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  shown?.close?.();
  const [title, make] = views[name] ?? ["", overviewView];
  document.title = `${title} – Edgeway`;
  shown = make();
  main.replaceChildren(shown.element);
  shown.resize?.();
  if (known !== undefined) shown.update(known);
}

/** @param {"live" | "away"} kind @param {string} text */
function say(kind, text) {
  fill(state, h("span", { class: `dot ${kind}` }), text);
}

/** Asks until the token is not taken. */
async function poll() {
  for (let turn = 0; ; turn++) {
    if (document.visibilityState === "visible") {
      try {
        const last = known;
        const [overview, traffic] = await Promise.all([
          api.overview(),
          last === undefined || turn % trafficEvery === 0 ? api.traffic(history.since) : last.traffic,
        ]);
        history.add({ ...traffic, now: overview.now });
        known = { overview, traffic, history };
        shown?.update(known);
        say("live", `revision ${overview.revision}`);
      } catch (error) {
        if (error instanceof api.Unauthorized) return ask(error.message);
        say("away", "the edge does not answer");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** @param {string} [why] */
function ask(why) {
  shown?.close?.();
  shown = undefined;
  nav.replaceChildren();
  fill(state, "");
  const input = h("input", { type: "password", id: "token", required: true, autocomplete: "current-password" });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    api.setToken(input.value);
    start().catch(() => {});
  };
  main.replaceChildren(
    h(
      "form",
      { class: "card login", onsubmit: submit },
      h("h1", null, "Edgeway console"),
      h("p", null, "It needs the token that the edge was started with: EDGEWAY_CONSOLE_TOKEN."),
      why && h("p", { class: "error", role: "alert" }, why),
      h("label", { for: "token" }, "Token"),
      input,
      h("button", { type: "submit", class: "primary" }, "Open"),
    ),
  );
  input.focus();
}

async function start() {
  if (api.token() === "") return ask();
  try {
    await api.overview();
  } catch (error) {
    return ask(error instanceof Error ? error.message : String(error));
  }
  show();
  await poll();
}

addEventListener("hashchange", () => {
  if (shown !== undefined) show();
});
// Plots have their colours painted in.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (shown !== undefined) show();
});
addEventListener("resize", () => shown?.resize?.());
api.takeToken();
await start();
