// A form over a record of the server: errors beside their field, one save bar, and what somebody else changes
// meanwhile is neither lost nor overwritten by accident.
import { ApiError } from "./api.js";
import { confirm, sentenceOf } from "./dialogs.js";
import { el, on, set, setText } from "./dom.js";
import { build } from "./fields.js";
import { button } from "./parts.js";
import { say } from "./words.js";

/** `limits.cap` of a nested record. */
export const at = (record, name) => name.split(".").reduce((inner, key) => inner?.[key], record);

/** Put a value into a nested record, making what is missing on the way. */
export function put(record, name, value) {
  const keys = name.split(".");
  const last = keys.pop();
  let inner = record;
  for (const key of keys) inner = inner[key] ??= {};
  inner[last] = value;
  return record;
}

const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/**
 * `save(changes, all)` gets only what differs, nested as the record is, and answers the new record (or nothing); what it
 * throws is shown. `readOnly`: a sentence that says why nothing can be changed, or "". `saved(values)` hears of success.
 * `inDialog`: buttons at the foot instead of a bar, which save an unchanged record too; `words` for its save button.
 */
export function form(ctx, { fields, values, save, readOnly = "", saved = () => {}, inDialog = false, words = say("save"), cancel = null, changed = () => {} }) {
  let base = structuredClone(values ?? {});
  const all = [];
  const sections = [];
  const trouble = set(el("p", "form-trouble"), { role: "alert" });
  const node = el("form", `form ${inDialog ? "form-dialog" : ""}`.trim());
  set(node, { novalidate: true });
  if (readOnly) node.append(el("p", "form-readonly quiet", readOnly));

  function add(specs, place) {
    for (const spec of specs) {
      if (spec.kind === "group") {
        const box = el("fieldset", "fieldset", el("legend", "legend", spec.heading), spec.hint ? el("p", "field-hint", spec.hint) : null);
        add(spec.fields, box);
        place.append(box);
        if (spec.when) sections.push({ node: box, when: spec.when });
      } else {
        const field = build(spec, () => onChange(field));
        all.push(field);
        field.base = at(base, spec.name) ?? null;
        field.control.set(field.base);
        field.control.disable(readOnly !== "" || Boolean(spec.disabled));
        place.append(field.node);
        if (spec.when) sections.push({ node: field.node, when: spec.when });
      }
    }
  }

  function read() {
    const record = structuredClone(base);
    for (const field of all) put(record, field.name, field.control.get());
    return record;
  }

  const isDirty = (field) => !same(field.control.get(), field.base) || (field.control.get() === null && field.control.fault() !== "");
  const dirtyFields = () => all.filter(isDirty);

  function show() {
    const now = read();
    for (const { node: section, when } of sections) section.hidden = !when(now);
    const dirty = dirtyFields().length > 0;
    for (const field of all) field.node.classList.toggle("dirty", !inDialog && isDirty(field));
    bar.hidden = inDialog ? false : !dirty;
    if (dirty) addEventListener("beforeunload", hold);
    else removeEventListener("beforeunload", hold);
    return now;
  }

  function hold(event) {
    if (node.isConnected) event.preventDefault();
    else removeEventListener("beforeunload", hold);
  }

  function onChange(field) {
    if (field.control.fault() === "") field.tell("");
    setText(trouble, "");
    if (!isDirty(field)) field.remark();
    changed(show(), field.name);
  }

  function discard() {
    for (const field of all) {
      field.control.set(field.base);
      field.tell("");
      field.remark();
    }
    setText(trouble, "");
    changed(show(), "");
  }

  async function submit() {
    let first = null;
    for (const field of all) {
      const fault = field.node.closest("[hidden]") ? "" : field.control.fault();
      field.tell(fault);
      if (fault) first ??= field;
    }
    if (first) {
      first.control.focus();
      return;
    }
    const changes = {};
    for (const field of dirtyFields()) put(changes, field.name, field.control.get());
    saveButton.disabled = true;
    set(saveButton, { "aria-busy": "true" });
    setText(trouble, "");
    try {
      const record = await save(changes, read());
      adopt(record ?? read());
      saved(base);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      tellOf(error);
    } finally {
      saveButton.disabled = false;
      set(saveButton, { "aria-busy": null });
    }
  }

  function tellOf(error) {
    const named = error.fields;
    let shown = 0;
    for (const field of all) {
      if (!named[field.name]) continue;
      field.tell(named[field.name]);
      if (shown === 0) field.control.focus();
      shown += 1;
    }
    if (shown === 0 || shown < Object.keys(named).length) setText(trouble, sentenceOf(error));
  }

  /** This record is the server's now, and what is shown. */
  function adopt(record) {
    base = structuredClone(record);
    for (const field of all) {
      field.base = at(base, field.name) ?? null;
      field.control.set(field.base);
      field.tell("");
      field.remark();
    }
    show();
  }

  /** The server's record changed elsewhere: follow where nothing was typed, ask where both sides changed. */
  function update(record) {
    base = structuredClone(record);
    for (const field of all) {
      const theirs = at(base, field.name) ?? null;
      const touched = isDirty(field);
      const moved = !same(theirs, field.base);
      field.base = theirs;
      if (!touched) field.control.set(theirs);
      else if (moved && !same(field.control.get(), theirs)) {
        const take = button({ words: say("use_theirs"), press: () => { field.control.set(theirs); onChange(field); } });
        field.remark(el("p", "", say("changed_meanwhile")), take);
      }
    }
    show();
  }

  const saveButton = button({ words, kind: "", type: "submit" });
  const bar = inDialog
    ? el("div", "form-foot", trouble, cancel ? button({ words: say("cancel"), press: cancel }) : null, saveButton)
    : el("div", "save-bar", el("div", "save-words", el("strong", "", say("unsaved")), trouble), button({ words: say("discard"), press: discard }), saveButton);
  add(fields, node);
  if (!readOnly) node.append(bar);
  on(node, "submit", (event) => {
    event.preventDefault();
    submit();
  });
  on(node, "keydown", (event) => {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey) || readOnly) return;
    event.preventDefault();
    submit();
  });
  show();

  return {
    node,
    update,
    adopt,
    get values() { return read(); },
    get dirty() { return dirtyFields().length > 0; },
    set(name, value) {
      const field = all.find((each) => each.name === name);
      field.control.set(value);
      onChange(field);
    },
    field: (name) => all.find((each) => each.name === name),
    tell: tellOf,
    /** True when nothing would be lost, or it may be. */
    async mayLeave() {
      if (dirtyFields().length === 0) return true;
      const leave = await confirm({ heading: say("leave_heading"), text: say("leave_text"), yes: say("leave_yes"), no: say("leave_no") });
      if (leave) removeEventListener("beforeunload", hold);
      return leave;
    },
  };
}
