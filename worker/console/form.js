// @ts-check
/** A form for a message, made from its schema. It writes protobuf's JSON; what is left empty is not set. */
import { h } from "./dom.js";

/** @typedef {import("../admin/console-services.ts").FieldView} Field */
/** @typedef {import("../admin/console-services.ts").ServicesView} Schema */
/** @typedef {{ element: HTMLElement, get: () => unknown }} Editor get gives undefined if nothing is set */

/**
 * @param {Schema} schema
 * @param {string} type full name of the message
 * @param {unknown} value JSON that the form begins with
 * @returns {Editor}
 */
export function messageForm(schema, type, value) {
  const fields = schema.messages[type];
  if (fields === undefined) return jsonEditor(type, value);
  const given = /** @type {Record<string, unknown>} */ (typeof value === "object" && value !== null ? value : {});
  const editors = fields.map((field) => ({ field, editor: fieldEditor(schema, field, given[field.name]) }));
  const element = h(
    "div",
    { class: "fields" },
    editors.length === 0 && h("p", { class: "muted" }, "The message has no fields."),
    ...editors.map(({ field, editor }) => labelled(field, editor)),
  );
  return {
    element,
    get() {
      const set = editors.map(({ field, editor }) => [field.name, editor.get()]).filter(([, own]) => own !== undefined);
      return set.length === 0 ? undefined : Object.fromEntries(set);
    },
  };
}

/** @param {Field} field @param {Editor} editor */
function labelled({ name, shape, type, kind, oneof }, editor) {
  const short = kind === "scalar" ? type : type.slice(type.lastIndexOf(".") + 1);
  const what = shape === "one" ? short : shape === "list" ? `${short}[]` : `map of ${short}`;
  const note = h("small", { class: "muted" }, ` ${what}${oneof === undefined ? "" : `, one of ${oneof}`}`);
  if (shape === "one" && kind !== "message") return h("label", null, h("span", null, name, note), editor.element);
  return h("fieldset", null, h("legend", null, name, note), editor.element);
}

/** @param {Schema} schema @param {Field} field @param {unknown} value @returns {Editor} */
function fieldEditor(schema, field, value) {
  if (field.shape === "map") return jsonEditor(field.type, value);
  if (field.shape === "list") return listEditor(schema, field, Array.isArray(value) ? value : []);
  return valueEditor(schema, field, value);
}

/** @param {Schema} schema @param {Field} field @param {unknown} value @returns {Editor} */
function valueEditor(schema, { kind, type }, value) {
  if (kind === "message") return nested(schema, type, value);
  if (kind === "enum") return choice(["", ...(schema.enums[type] ?? [])], value);
  if (type === "bool") return choice(["", "true", "false"], value);
  return textEditor(type, value);
}

/** A message within a message is made when it is opened: types may hold themselves. @param {Schema} schema @param {string} type @param {unknown} value @returns {Editor} */
function nested(schema, type, value) {
  /** @type {Editor | undefined} */
  let inner;
  const element = h("details", { open: value !== undefined }, h("summary", null, "set"));
  const open = () => {
    if (inner !== undefined || !element.open) return;
    inner = messageForm(schema, type, value);
    element.append(inner.element);
  };
  element.addEventListener("toggle", open);
  open();
  return { element, get: () => (element.open ? (inner?.get() ?? {}) : undefined) };
}

/** @param {readonly string[]} values @param {unknown} value @returns {Editor} */
function choice(values, value) {
  const element = h(
    "select",
    null,
    ...values.map((each) => h("option", { value: each }, each === "" ? "not set" : each)),
  );
  element.value = textOf(value);
  return {
    element,
    get() {
      if (element.value === "true" || element.value === "false") return element.value === "true";
      return element.value === "" ? undefined : element.value;
    },
  };
}

const isNumber = /^(?:u?int32|sint32|s?fixed32|float|double)$/;

/** 64 bits are written as text, as JSON's numbers do not hold them. @param {string} type @param {unknown} value @returns {Editor} */
function textEditor(type, value) {
  const placeholder = type === "bytes" ? "base64" : "";
  const element = h("input", {
    value: textOf(value),
    placeholder,
    autocomplete: "off",
    spellcheck: false,
  });
  return {
    element,
    get() {
      if (element.value === "") return undefined;
      const asNumber = Number(element.value);
      return isNumber.test(type) && !Number.isNaN(asNumber) ? asNumber : element.value;
    },
  };
}

/** For what has JSON of its own. @param {string} type @param {unknown} value @returns {Editor} */
function jsonEditor(type, value) {
  const text = value === undefined ? "" : JSON.stringify(value, undefined, 2);
  const element = h("textarea", { rows: 2, spellcheck: false, value: text, placeholder: `JSON of ${type}` });
  return {
    element,
    get() {
      try {
        return element.value.trim() === "" ? undefined : JSON.parse(element.value);
      } catch {
        return element.value;
      }
    },
  };
}

/** @param {Schema} schema @param {Field} field @param {readonly unknown[]} values @returns {Editor} */
function listEditor(schema, field, values) {
  /** @type {Editor[]} */
  let items = [];
  const list = h("div");
  const add = (/** @type {unknown} */ value) => {
    const editor = valueEditor(schema, field, value);
    const row = h(
      "div",
      { class: "item" },
      editor.element,
      h(
        "button",
        {
          type: "button",
          "aria-label": `remove from ${field.name}`,
          onclick: () => (
            row.remove(),
            (items = items.filter((each) => each !== editor)),
            list.dispatchEvent(new Event("input", { bubbles: true }))
          ),
        },
        "×",
      ),
    );
    items.push(editor);
    list.append(row);
  };
  for (const value of values) add(value);
  const element = h(
    "div",
    null,
    list,
    h("button", { type: "button", onclick: () => add(undefined) }, `Add to ${field.name}`),
  );
  return {
    element,
    get() {
      const set = items.map((item) => item.get()).filter((value) => value !== undefined);
      return set.length === 0 ? undefined : set;
    },
  };
}

/** @param {unknown} value */
function textOf(value) {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
