// The kinds of fields of a form. Each maker gives a description; `build` makes the control that goes with it:
// {node, get(), set(value), focus(), disable(off), fault()}. `changed` is called at each change.
import { durationInput } from "./duration.js";
import { el, freshId, on, set, setText } from "./dom.js";
import { figure, say } from "./words.js";

const kind = (name) => (options) => ({ kind: name, ...options });

/** {name, label, hint, max, required, placeholder, counter} */
export const text = kind("text");
/** {…, rows, max, required} */
export const area = kind("area");
/** {…, min, max, step, unit, optional: words for none} */
export const number = kind("number");
/** {…, options: [{value, words}]}: a list that opens. */
export const choice = kind("choice");
/** {…, options: [{value, words, hint}]}: all in sight. */
export const radios = kind("radios");
/** {…, options: [{value, words, hint}]}: the value is a list. */
export const checks = kind("checks");
/** {…}: on or off. */
export const toggle = kind("toggle");
/** {…, min, max, optional: words for none (null)}: seconds. */
export const duration = kind("duration");
/** {…}: "#RRGGBB". */
export const colour = kind("colour");
/** {heading, hint, fields, when}: fields that belong together. */
export const group = kind("group");
/** {…, make({value, changed, id, describedBy}) → control} */
export const custom = kind("custom");

function input(type, spec, id, changed) {
  const node = el("input", "input");
  node.id = id;
  set(node, { type, autocomplete: "off", placeholder: spec.placeholder ?? null, dir: type === "text" ? "auto" : null });
  on(node, "input", changed);
  return node;
}

const simple = (node, more) => ({
  node,
  get: () => node.value,
  set: (value) => { node.value = value ?? ""; },
  focus: () => node.focus(),
  disable: (off) => { node.disabled = off; },
  fault: () => "",
  ...more,
});

/** Unicode characters as Twitch counts them, against the most that are allowed. */
function counted(control, spec) {
  if (!spec.max || spec.counter === false) return control;
  const tally = el("span", "field-count number");
  const count = () => {
    const n = [...control.get()].length;
    setText(tally, `${figure(n)} / ${figure(spec.max)}`);
    tally.classList.toggle("over", n > spec.max);
  };
  on(control.focusable, "input", count);
  const put = control.set;
  return {
    ...control,
    node: el("span", "counted", control.node, tally),
    set(value) { put(value); count(); },
  };
}

function written(node, spec) {
  const fault = () => {
    if (spec.required && node.value.trim() === "") return say("needed");
    if (spec.max && [...node.value].length > spec.max) return say("too_long", { n: spec.max });
    return spec.check?.(node.value) ?? "";
  };
  return counted(simple(node, { fault, focusable: node }), spec);
}

function picked(spec, id, changed, type) {
  const node = el("div", "options");
  const inputs = spec.options.map(({ value, words, hint }) => {
    const one = el("input");
    set(one, { type, name: id, value: String(value) });
    on(one, "change", changed);
    node.append(el("label", "option", one, el("span", "", words, hint ? el("small", "quiet", hint) : null)));
    return { one, value };
  });
  return { node, inputs };
}

const MAKERS = {
  text: (spec, id, changed) => written(input("text", spec, id, changed), spec),

  area(spec, id, changed) {
    const node = el("textarea", "input");
    node.id = id;
    node.rows = spec.rows ?? 3;
    set(node, { dir: "auto", placeholder: spec.placeholder ?? null });
    on(node, "input", changed);
    return written(node, spec);
  },

  number(spec, id, changed) {
    const node = input("text", spec, id, changed);
    set(node, { inputmode: "numeric", dir: null });
    node.classList.add("input-short");
    const read = () => (/^-?\d+$/.test(node.value.trim()) ? Number(node.value.trim()) : null);
    const fault = () => {
      if (node.value.trim() === "") return spec.required === false || spec.optional ? "" : say("needed");
      const n = read();
      const off = n === null || n < (spec.min ?? -Infinity) || n > (spec.max ?? Infinity);
      if (!off) return "";
      return spec.max === undefined ? say("at_least", { n: spec.min ?? 0 }) : say("number_between", { least: figure(spec.min ?? 0), most: figure(spec.max) });
    };
    const inner = simple(node, { get: read, fault, set: (value) => { node.value = value === null || value === undefined ? "" : String(value); } });
    if (spec.optional) node.placeholder = spec.optional;
    return spec.unit ? { ...inner, node: el("span", "with-unit", node, el("span", "quiet", spec.unit)) } : inner;
  },

  choice(spec, id, changed) {
    const node = el("select", "input", ...spec.options.map(({ value, words }) => new Option(words, String(value))));
    node.id = id;
    on(node, "input", changed);
    const typed = () => spec.options.find(({ value }) => String(value) === node.value)?.value ?? null;
    return simple(node, { get: typed, set: (value) => { node.value = String(value ?? ""); } });
  },

  radios(spec, id, changed) {
    const { node, inputs } = picked(spec, id, changed, "radio");
    return {
      node,
      group: true,
      get: () => inputs.find(({ one }) => one.checked)?.value ?? null,
      set: (value) => inputs.forEach((each) => { each.one.checked = each.value === value; }),
      focus: () => (inputs.find(({ one }) => one.checked) ?? inputs[0]).one.focus(),
      disable: (off) => inputs.forEach(({ one }) => { one.disabled = off; }),
      fault: () => (spec.required && !inputs.some(({ one }) => one.checked) ? say("needed") : ""),
    };
  },

  checks(spec, id, changed) {
    const { node, inputs } = picked(spec, id, changed, "checkbox");
    return {
      node,
      group: true,
      get: () => inputs.filter(({ one }) => one.checked).map(({ value }) => value),
      set: (values) => inputs.forEach((each) => { each.one.checked = (values ?? []).includes(each.value); }),
      focus: () => inputs[0]?.one.focus(),
      disable: (off) => inputs.forEach(({ one }) => { one.disabled = off; }),
      fault: () => "",
    };
  },

  toggle(spec, id, changed) {
    const node = el("input", "switch");
    node.id = id;
    set(node, { type: "checkbox", role: "switch" });
    on(node, "change", changed);
    return simple(node, { get: () => node.checked, set: (value) => { node.checked = Boolean(value); }, inline: true });
  },

  duration(spec, id, changed) {
    const control = durationInput({ ...spec, id, seconds: null, required: !spec.optional });
    control.onChange(changed);
    if (spec.optional) control.input.placeholder = spec.optional;
    return {
      node: control.node,
      get: () => control.seconds,
      set: control.set,
      focus: () => control.input.focus(),
      disable: control.disable,
      fault: () => control.fault,
    };
  },

  colour(spec, id, changed) {
    const well = input("color", spec, freshId("colour"), () => { words.value = well.value.toUpperCase(); changed(); });
    set(well, { "aria-label": spec.label });
    const words = input("text", { placeholder: "#9147FF" }, id, () => {
      if (/^#[0-9a-f]{6}$/i.test(words.value)) well.value = words.value.toLowerCase();
      changed();
    });
    set(words, { maxlength: 7, spellcheck: "false", dir: "ltr" });
    words.classList.add("input-short");
    return {
      node: el("span", "colour", well, words),
      get: () => words.value.toUpperCase(),
      set(value) {
        words.value = (value ?? "").toUpperCase();
        if (/^#[0-9a-f]{6}$/i.test(words.value)) well.value = words.value.toLowerCase();
      },
      focus: () => words.focus(),
      disable: (off) => { well.disabled = off; words.disabled = off; },
      fault: () => (/^#[0-9a-f]{6}$/i.test(words.value) ? "" : say("colour_form")),
    };
  },

  custom: (spec, id, changed) => spec.make({ changed, id }),
};

/**
 * A field with label, hint and place for its error. Gives {node, control, name, tell(sentence), remark(node)}: `tell("")`
 * takes the error away, `remark` shows something else under it (another's change).
 */
export function build(spec, changed) {
  const id = freshId("field");
  const control = MAKERS[spec.kind](spec, id, changed);
  const hint = spec.hint ? el("p", "field-hint", spec.hint) : null;
  const error = el("p", "field-error");
  const remark = el("div", "field-remark");
  const label = control.group ? el("span", "label", spec.label) : el("label", "label", spec.label);
  label.id = `${id}-label`;
  error.id = `${id}-error`;
  if (hint) hint.id = `${id}-hint`;
  if (!control.group) label.htmlFor = id;
  error.hidden = true;
  const target = control.group ? control.node : (control.node.querySelector(`#${id}`) ?? control.node);
  if (control.group) set(control.node, { role: spec.kind === "radios" ? "radiogroup" : "group", "aria-labelledby": label.id });
  const described = [hint?.id, error.id].filter(Boolean).join(" ");
  set(target, { "aria-describedby": described });
  const words = el("div", "field-words", label, hint);
  const node = el("div", `field field-${spec.kind} ${control.inline ? "field-inline" : ""}`.trim(), words, control.node, error, remark);
  return {
    spec,
    name: spec.name,
    node,
    control,
    tell(sentence) {
      setText(error, sentence);
      error.hidden = sentence === "";
      node.classList.toggle("faulty", sentence !== "");
      set(target, { "aria-invalid": sentence ? "true" : null });
    },
    remark: (...nodes) => remark.replaceChildren(...nodes),
  };
}
