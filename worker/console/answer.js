// @ts-check
/** What comes back of a call: messages as they come, then its end, and the rule that took it. */
import { makeCall } from "./call.js";
import { badge, duration, fill, h } from "./dom.js";

/** Messages of a stream that are shown; the last ones. */
const mostMessages = 500;

export class Answer {
  #status = h("div", { class: "bar", role: "status" }, h("span", { class: "muted" }, "Nothing has been called yet."));
  #messages = h("ol", { class: "messages", id: "messages" });
  #more = h("div");
  element = h("section", { class: "card" }, h("h2", null, "Answer"), this.#status, this.#messages, this.#more);

  /** @param {import("./call.js").Call} call @param {AbortSignal} signal */
  async follow(call, signal) {
    const begun = performance.now();
    let count = 0;
    this.#messages.replaceChildren();
    this.#more.replaceChildren();
    fill(this.#status, badge("calling"));
    const outcome = await makeCall(
      call,
      (message) => {
        count++;
        const at = duration((performance.now() - begun) / 1000);
        this.#messages.append(
          h("li", null, h("small", { class: "muted" }, at), h("pre", null, JSON.stringify(message, undefined, 2))),
        );
        if (count > mostMessages) this.#messages.firstElementChild?.remove();
      },
      signal,
    );
    this.#end(outcome, count);
  }

  /** @param {import("./call.js").Outcome} outcome @param {number} count */
  #end(outcome, count) {
    const { status, message, details, http, headers, trailers, decision, headMs, totalMs } = outcome;
    fill(
      this.#status,
      badge(status, status === "OK" ? "good" : "bad"),
      h("span", null, `${count} ${count === 1 ? "message" : "messages"}`),
      h("span", { class: "muted" }, `head after ${duration(headMs / 1000)}, all after ${duration(totalMs / 1000)}`),
      http !== undefined && h("span", { class: "muted" }, `HTTP ${http}`),
    );
    fill(
      this.#more,
      message !== "" && h("p", { class: "error" }, message),
      details.length > 0 &&
        h(
          "details",
          { open: true },
          h("summary", null, "Details"),
          h("pre", null, JSON.stringify(details, undefined, 2)),
        ),
      decision !== undefined && routed(decision),
      fieldList("Headers", headers),
      fieldList("Trailers", trailers),
    );
  }
}

/** @param {import("./call.js").Decision} decision */
function routed({ revision, rule, backend, error }) {
  return h(
    "p",
    { class: "decision" },
    badge("routed by"),
    rule === null
      ? " no rule"
      : ` ${rule.cluster}: ${rule.kind} ${rule.namespace}/${rule.name}, rule ${rule.ruleIndex}`,
    backend !== undefined && [" to ", h("code", null, backend)],
    error !== undefined && `: ${error}`,
    h("span", { class: "muted" }, ` (revision ${revision})`),
  );
}

/** @param {string} title @param {[string, string][]} fields */
function fieldList(title, fields) {
  if (fields.length === 0) return null;
  return h(
    "details",
    null,
    h("summary", null, `${title} (${fields.length})`),
    h("pre", null, fields.map(([name, value]) => `${name}: ${value}`).join("\n")),
  );
}
