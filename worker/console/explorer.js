// @ts-check
/** Calls to try: a method, its message, and what comes back. */
import { Answer } from "./answer.js";
import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { messageForm } from "./form.js";
import { snippets } from "./snippets.js";

/** @typedef {import("./types.d.ts").Services} Services */

/** @returns {import("./types.d.ts").View} */
export function explorerView() {
  const element = h(
    "div",
    null,
    h("h1", { class: "hidden" }, "Explorer"),
    h("p", { class: "empty" }, "Reading the services…"),
  );
  let revision = "";
  let loading = false;
  return {
    element,
    update({ overview }) {
      // What is being written must not go away: a later table is read when the page has no method yet.
      if (loading || revision === overview.revision || element.querySelector("form") !== null) return;
      loading = true;
      api
        .services()
        .then((services) => {
          ({ revision } = overview);
          element.replaceChildren(element.firstElementChild, ...contents(services));
        })
        .catch(() => {}) // the next update asks again
        .finally(() => (loading = false));
    },
  };
}

/** @param {Services} services */
function contents(services) {
  if (services.services.length === 0)
    return [
      h(
        "p",
        { class: "empty" },
        "No service is known: an origin's are when it answers gRPC reflection, or when its Service names a ConfigMap with descriptors (edgeway.dev/descriptors).",
      ),
    ];
  const request = new Request(services);
  const answer = new Answer();
  request.onCall = (call, signal) => answer.follow(call, signal);
  return [h("div", { class: "explorer" }, request.element, answer.element)];
}

class Request {
  #services;
  #method = h("select", { id: "method" });
  #host = h("input", { id: "host", value: `https://${location.host}`, autocomplete: "off", spellcheck: false });
  #protocol = h(
    "select",
    { id: "protocol" },
    h("option", { value: "connect" }, "Connect"),
    h("option", { value: "grpc-web" }, "gRPC-Web"),
  );
  #deadline = h("input", { id: "deadline", inputMode: "numeric", placeholder: "none" });
  #metadata = h("textarea", { id: "metadata", rows: 2, spellcheck: false, placeholder: "name: value" });
  #json = h("textarea", { id: "message", rows: 8, spellcheck: false, "aria-label": "Message as JSON" });
  #form = h("div");
  #call = h("button", { type: "submit", class: "primary" }, "Call");
  #stop = h("button", { type: "button", disabled: true }, "Stop");
  #copied = h("span", { class: "muted", role: "status" });
  /** @type {import("./form.js").Editor | undefined} */
  #editor;
  /** @type {AbortController | undefined} */
  #running;
  /** @type {(call: import("./call.js").Call, signal: AbortSignal) => Promise<void>} */
  onCall = () => Promise.resolve();

  /** @param {Services} services */
  constructor(services) {
    this.#services = services;
    this.#method.append(...services.services.map(methodGroup));
    const first = /** @type {HTMLOptionElement | null} */ (this.#method.querySelector("option:not([disabled])"));
    if (first !== null) this.#method.value = first.value;
    this.#method.addEventListener("change", () => this.#choose());
    this.#form.addEventListener("input", () => this.#write());
    this.#form.addEventListener("toggle", () => this.#write(), true);
    this.#json.addEventListener("change", () => this.#read());
    this.#stop.addEventListener("click", () => this.#running?.abort());
    this.element = this.#build();
    this.#choose();
  }

  #build() {
    const hosts = h(
      "datalist",
      { id: "hosts" },
      ...originsOf(this.#services.hosts).map((value) => h("option", { value })),
    );
    this.#host.setAttribute("list", "hosts");
    return h(
      "form",
      { class: "card", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.#submit()) },
      h("h2", null, "Call"),
      h("label", null, "Method", this.#method),
      h(
        "div",
        { class: "bar" },
        h("label", { class: "grow" }, "Host", this.#host, hosts),
        h("label", null, "Protocol", this.#protocol),
        h("label", null, "Deadline, ms", this.#deadline),
      ),
      h("label", null, "Metadata", this.#metadata),
      h("fieldset", { class: "message" }, h("legend", null, "Message"), this.#form),
      h("label", null, "As JSON", this.#json),
      h(
        "div",
        { class: "bar" },
        this.#call,
        this.#stop,
        h("span", { class: "grow" }),
        h("span", { class: "muted" }, "Copy as"),
        ...Object.keys(snippets).map((name) => h("button", { type: "button", onclick: () => this.#copy(name) }, name)),
        this.#copied,
      ),
    );
  }

  get #chosen() {
    const [, service, method] = this.#method.value.split("/");
    const found = this.#services.services
      .find(({ name }) => name === service)
      ?.methods.find(({ name }) => name === method);
    return /** @type {import("../admin/console-services.ts").MethodView} */ (found);
  }

  /** @returns {import("./call.js").Call} */
  get #asked() {
    const metadata = this.#metadata.value
      .split("\n")
      .filter((/** @type {string} */ line) => line.includes(":"))
      .map(
        (/** @type {string} */ line) =>
          /** @type {[string, string]} */ ([
            line.slice(0, line.indexOf(":")).trim().toLowerCase(),
            line.slice(line.indexOf(":") + 1).trim(),
          ]),
      );
    return {
      path: this.#method.value,
      host: this.#host.value.trim() || `https://${location.host}`,
      protocol: this.#protocol.value,
      streaming: this.#chosen.kind === "server_streaming",
      message: this.#json.value.trim() || "{}",
      metadata,
      timeoutMs: Number(this.#deadline.value) > 0 ? Math.floor(Number(this.#deadline.value)) : undefined,
    };
  }

  #choose() {
    this.#json.value = "{}";
    this.#read();
  }

  /** The form from the JSON. */
  #read() {
    let value;
    try {
      value = JSON.parse(this.#json.value || "{}");
      this.#json.setCustomValidity("");
    } catch (error) {
      return this.#json.setCustomValidity(error instanceof Error ? error.message : String(error));
    }
    this.#editor = messageForm(this.#services, this.#chosen.input, value);
    this.#form.replaceChildren(this.#editor.element);
  }

  /** The JSON from the form. */
  #write() {
    this.#json.value = JSON.stringify(this.#editor?.get() ?? {}, undefined, 2);
    this.#json.setCustomValidity("");
  }

  async #submit() {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#stop.disabled = false;
    await this.onCall(this.#asked, running.signal);
    if (this.#running === running) this.#stop.disabled = true;
  }

  /** @param {string} name */
  async #copy(name) {
    const text = snippets[name]?.(this.#asked) ?? "";
    try {
      await navigator.clipboard.writeText(text);
      fill(this.#copied, "copied");
    } catch {
      fill(this.#copied, h("code", null, text));
    }
  }
}

/** @param {readonly string[]} hosts */
function originsOf(hosts) {
  const local = [`https://${location.host}`, location.origin];
  return [...new Set([...local, ...hosts.map((host) => `https://${host.replace("*", "any")}`)])];
}

/** Browsers cannot send a stream. @param {import("../admin/console-services.ts").ServiceView} service */
function methodGroup({ name, methods }) {
  const options = methods.map((method) => {
    const disabled = method.kind === "client_streaming" || method.kind === "bidi_streaming";
    const note =
      method.kind === "unary" ? "" : ` (${method.kind.replace("_", " ")}${disabled ? ", not from a browser" : ""})`;
    return h(
      "option",
      { value: `/${name}/${method.name}`, disabled },
      `${name.slice(name.lastIndexOf(".") + 1)}/${method.name}${note}`,
    );
  });
  return h("optgroup", { label: name }, ...options);
}
