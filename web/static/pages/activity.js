// The whole log: filters, endless, new entries on top, each with all that is known of it.
import { endless } from "../lib/endless.js";
import { byId, el, freshId, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { animate } from "../lib/motion.js";
import { button, empty } from "../lib/parts.js";
import { ACTIONS, CAUSES, causeOf, deedDetails, deedLine, wordOf } from "../parts/deeds.js";
import { dataWords, mayAskData, viewerData } from "../parts/viewer_data.js";
import words from "../words/en/activity.js";

const FILTERS = ["viewer", "action", "cause", "from", "to"];
const TYPING_MS = 400;
const PAGE = 50;
const DAY_MS = 86_400_000;

/** "2026-11-21" as the first millisecond of that day here. */
const dayStart = (text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00`).getTime() : null);

/** What the server is asked with, from what stands in the address. */
function asked(query) {
  const from = dayStart(query.get("from") ?? "");
  const to = dayStart(query.get("to") ?? "");
  return {
    viewer: (query.get("viewer") ?? "").trim().replace(/^@/, ""),
    action: query.get("action") ?? "",
    cause: query.get("cause") ?? "",
    from: from ?? "",
    to: to === null ? "" : to + DAY_MS,
  };
}

/** Whether an entry that comes live would be in the list that is shown. */
function fits(deed, { viewer, action, cause, from, to }) {
  const who = viewer.toLowerCase();
  if (who && deed.viewer?.id !== who && (deed.viewer?.login ?? "").toLowerCase() !== who) return false;
  if ((action && deed.action !== action) || (cause && deed.cause !== cause)) return false;
  return (from === "" || deed.at >= from) && (to === "" || deed.at < to);
}

function row(ctx, deed) {
  const press = button({ words: ctx.say("details_of"), icon: "down", kind: "icon" });
  const line = deedLine(deed, { more: press });
  line.classList.add("deed-open-able");
  let facts = null;
  const id = freshId("deed");
  set(press, { "aria-expanded": "false", "aria-controls": id });
  on(press, "click", () => {
    const open = press.getAttribute("aria-expanded") !== "true";
    if (facts === null) {
      facts = set(el("div", "deed-facts", deedDetails(deed)), { id });
      if (mayAskData(ctx, deed.viewer)) facts.append(button({ words: dataWords(deed.viewer), icon: "docs", press: () => { viewerData(ctx, deed.viewer); } }));
      line.append(facts);
    }
    facts.hidden = !open;
    line.classList.toggle("open", open);
    set(press, { "aria-expanded": String(open) });
  });
  return line;
}

function field(words, control) {
  control.id ||= freshId("filter");
  const label = el("label", "label", words);
  label.htmlFor = control.id;
  return el("div", "field", label, control);
}

function show(ctx) {
  const viewer = set(el("input", "input"), { type: "search", autocomplete: "off", spellcheck: "false", maxlength: 26, placeholder: ctx.say("viewer_hint"), "data-search": true });
  const pick = (any, all, name) => el("select", "input", new Option(any, ""), ...all.map((each) => new Option(name(each), each)));
  const action = pick(ctx.say("any_action"), ACTIONS, wordOf);
  const cause = pick(ctx.say("any_cause"), CAUSES, causeOf);
  const from = set(el("input", "input"), { type: "date" });
  const to = set(el("input", "input"), { type: "date" });
  const controls = { viewer, action, cause, from, to };
  for (const [name, control] of Object.entries(controls)) control.value = ctx.query.get(name) ?? "";
  const clear = button({ words: ctx.say("clear"), icon: "remove", press: () => {
    for (const control of Object.values(controls)) control.value = "";
    changed();
    viewer.focus();
  } });
  clear.classList.add("filters-clear");
  // On a phone the rest of the filters waits behind this.
  const more = button({ words: ctx.say("filters"), icon: "filter", press: () => {
    const open = filters.classList.toggle("open");
    set(more, { "aria-expanded": String(open) });
  } });
  more.classList.add("filters-more");
  set(more, { "aria-expanded": "false" });
  const wrong = set(el("p", "field-error"), { role: "alert" });
  const filters = set(
    el(
      "form", "filters panel",
      set(field(ctx.say("viewer"), el("div", "search", icon("search"), viewer, set(el("kbd", "", "/"), { "aria-hidden": "true" }))), { class: "field field-viewer" }), more,
      field(ctx.say("action"), action), field(ctx.say("cause"), cause), field(ctx.say("from"), from), field(ctx.say("to"), to),
      clear, wrong,
    ),
    { role: "search", "aria-label": ctx.say("filters") },
  );
  viewer.id = freshId("filter");
  filters.querySelector(".field-viewer .label").htmlFor = viewer.id;
  on(filters, "submit", (event) => event.preventDefault());

  const filtered = () => FILTERS.some((name) => ctx.query.get(name));
  const nothing = () => (filtered()
    ? empty({ heading: ctx.say("none"), text: ctx.say("none_text"), actions: [button({ words: ctx.say("clear"), press: () => clear.click() })] })
    : empty({ heading: ctx.say("empty"), text: ctx.say("empty_text") }));
  const face = el("div");

  const list = endless({
    label: ctx.say("list"),
    classes: "rows",
    empty: face,
    row: (deed) => row(ctx, deed),
    load: (cursor) => ctx.api("GET", "/api/audit-log", { query: { ...asked(ctx.query), limit: PAGE, cursor } }),
  });

  // New lines come on top; who reads further down is told and not moved.
  let unseen = 0;
  const pill = button({ words: "", icon: "up", kind: "", press: () => { scrollTo({ top: 0, behavior: "smooth" }); } });
  const pillBox = el("div", "fresh-pill", pill);
  pillBox.hidden = true;
  const seen = () => {
    if (scrollY > 120) return;
    unseen = 0;
    pillBox.hidden = true;
  };
  addEventListener("scroll", seen, { passive: true });
  ctx.onEnd(() => removeEventListener("scroll", seen));
  function add(deed) {
    if (!fits(deed, asked(ctx.query)) || !list.prepend(deed)) return;
    animate(list.rows.firstElementChild, "arrives");
    if (scrollY <= 120) return;
    unseen += 1;
    setText(pill.lastElementChild, ctx.say("fresh", { n: unseen }));
    pillBox.hidden = false;
  }
  ctx.live.on("activity", add);
  let first = ctx.live.picture === null;
  ctx.live.on("reset", () => {
    // What happened while the line was down is in the snapshot, and more of it on the server.
    if (!first) list.reset();
    first = false;
  });

  function exportItems() {
    const link = (format) => {
      const query = new URLSearchParams({ channel: ctx.channel.id, format });
      for (const [name, value] of Object.entries(asked(ctx.query))) if (value !== "") query.set(name, value);
      return `/api/audit-log/export?${query}`;
    };
    const save = (format) => {
      const a = el("a");
      a.href = link(format);
      a.download = "";
      byId("main").append(a);
      a.click();
      a.remove();
    };
    return [
      { words: ctx.say("export_csv"), icon: "download", press: () => save("csv") },
      { words: ctx.say("export_json"), icon: "code", press: () => save("json") },
    ];
  }
  ctx.exportMenu = menu({ words: ctx.say("export"), icon: "download", kind: "", caret: true, items: exportItems });

  function changed() {
    const given = Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value.trim()]));
    ctx.setQuery(given);
    const backwards = given.from && given.to && given.from > given.to;
    setText(wrong, backwards ? ctx.say("dates_wrong") : "");
    clear.hidden = !filtered();
    face.replaceChildren(nothing());
    if (!backwards) list.reset();
  }
  let timer = null;
  on(viewer, "input", () => {
    clearTimeout(timer);
    timer = setTimeout(changed, TYPING_MS);
  });
  for (const control of [action, cause, from, to]) on(control, "change", changed);
  clear.hidden = !filtered();
  face.replaceChildren(nothing());
  list.reset();

  const body = set(el("div", "panel activity-list", list.node), {});
  return { node: el("div", "stack", filters, pillBox, body), leave() { clearTimeout(timer); list.close(); } };
}

export default {
  words,
  styles: ["deeds", "activity"],
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  tools: (ctx) => [ctx.exportMenu],
  show,
};
