// @ts-check
/** Elements in few words, and how things are written for people. */

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child */

/**
 * An element. Properties that begin with "on" are listeners; "class" and what has a hyphen are attributes.
 *
 * @param {string} tag
 * @param {Record<string, unknown> | null} [properties]
 * @param {...Child} children
 * @returns {any} an HTMLElement of that tag
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "class" || name === "role" || name === "for" || name.includes("-"))
      element.setAttribute(name, /** @type {string} */ (value));
    else Object.assign(element, { [name]: value });
  }
  append(element, children);
  return element;
}

/**
 * @param {Node} element
 * @param {Child} child
 */
function append(element, child) {
  if (Array.isArray(child)) for (const each of child) append(element, each);
  else if (child instanceof Node) element.appendChild(child);
  else if (child !== null && child !== undefined && child !== false)
    element.appendChild(document.createTextNode(String(child)));
}

/**
 * Puts `children` in the place of what `element` has. Nothing is done if they look the same, so that what a reader has
 * selected or focused stays while the page is kept up to date.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  const next = document.createElement(element.tagName);
  append(next, children);
  if (next.innerHTML !== element.innerHTML) element.replaceChildren(...next.childNodes);
}

/**
 * @param {readonly string[]} heads those that begin with ">" are of numbers
 * @param {readonly (readonly Child[])[]} rows
 * @param {string} [empty] what is said where there are no rows
 */
export function table(heads, rows, empty = "None.") {
  const numeric = heads.map((head) => head.startsWith(">"));
  if (rows.length === 0) return h("p", { class: "empty" }, empty);
  return h(
    "div",
    { class: "scroll", tabIndex: 0, role: "region", "aria-label": heads[0]?.replace(">", "") },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h("tr", null, ...heads.map((head, i) => h("th", { class: numeric[i] && "number" }, head.replace(">", "")))),
      ),
      h(
        "tbody",
        null,
        ...rows.map((row) => h("tr", null, ...row.map((cell, i) => h("td", { class: numeric[i] && "number" }, cell)))),
      ),
    ),
  );
}

/**
 * @param {string} title
 * @param {...Child} children
 */
export function card(title, ...children) {
  return h("section", { class: "card" }, h("h2", null, title), ...children);
}

/**
 * @param {string} text
 * @param {"good" | "bad" | "warn" | "plain"} [kind]
 */
export function badge(text, kind = "plain") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** @param {number} ms */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** @param {number} time Unix milliseconds */
export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour12: false });
}

/** @param {number | undefined} seconds */
export function duration(seconds) {
  if (seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds === 0) return "0";
  if (seconds < 0.001) return "< 1 ms";
  return seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms` : `${seconds.toFixed(2)} s`;
}

/** @param {number} value */
export function number(value) {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return value.toFixed(value < 10 ? 2 : 1);
}

/** @param {number} share */
export function percent(share) {
  return `${Number((share * 100).toFixed(2))} %`;
}

/** @param {number} count */
export function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  for (; count >= 1000 && unit < units.length - 1; unit++) count /= 1000;
  return `${number(count)} ${units[unit]}`;
}

export const statusNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];
