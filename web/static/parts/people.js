// A list of viewers that is kept by hand: search it, add somebody by name, take somebody off.
import { el, freshId, on, set, setText } from "../lib/dom.js";
import { endless } from "../lib/endless.js";
import { button, nameOf, person } from "../lib/parts.js";
import { scope } from "../lib/words.js";
import words from "../words/en/people.js";

const { say } = scope("people", words);
const LOGIN = /^@?[A-Za-z0-9_]{1,25}$/;
const PAUSE_MS = 250;

/** `list` is "allow", "block" or "protected". Gives {node, refresh, leave}. */
export function peopleList(ctx, { list }) {
  const ids = { name: freshId("add"), search: freshId("search"), fault: freshId("fault") };
  const input = set(el("input", "input"), { id: ids.name, placeholder: say("twitch_name"), autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": ids.fault });
  const label = set(el("label", "for-ears", say(`${list}_add`)), { for: ids.name });
  const fault = set(el("p", "field-error"), { id: ids.fault, role: "alert" });
  const add = ctx.ownerOnly(button({ words: say("add"), icon: "user_plus", type: "submit" }));
  const adder = el("form", "adder", label, input, add);
  const search = set(el("input", "input"), { type: "search", id: ids.search, placeholder: say("search"), autocomplete: "off", spellcheck: "false", dir: "auto", maxlength: 25, "aria-label": say("search") });
  ctx.ownerOnly(input);
  let timer = null;

  const none = el("p", "none");
  const rows = endless({
    label: say(list),
    classes: "lines",
    empty: none,
    load: async (cursor) => {
      const page = await ctx.api("GET", "/api/viewers", { query: { listed: list, search: search.value.trim().toLowerCase(), cursor }, signal: ctx.signal });
      setText(none, search.value.trim() ? say("nobody_found", { text: search.value.trim() }) : say(`${list}_none`));
      return page;
    },
    row,
  });

  function row(viewer) {
    const name = nameOf(viewer);
    const off = ctx.ownerOnly(button({ words: say("remove", { name }), icon: "close", kind: "icon", press: () => remove(viewer, name) }));
    return el("li", "line-row", person(viewer), off);
  }

  const put = (viewer, listed) => ctx.api("PUT", "/api/viewers", { body: { viewer, listed } });

  async function remove(viewer, name) {
    try {
      await put(viewer.id, "");
      rows.remove(viewer.id);
      const undo = async () => {
        await put(viewer.id, list).catch((error) => ctx.failed(error, say("failed")));
        rows.reset();
      };
      ctx.toast({ words: say("removed", { name }), action: { words: say("undo"), press: undo } });
    } catch (error) {
      ctx.failed(error, say("failed"));
    }
  }

  on(search, "input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => rows.reset(), PAUSE_MS);
  });
  on(input, "input", () => setText(fault, ""));
  on(adder, "submit", async (event) => {
    event.preventDefault();
    const login = input.value.trim().replace(/^@/, "").toLowerCase();
    if (!LOGIN.test(login)) {
      setText(fault, say("not_a_login"));
      input.focus();
      return;
    }
    add.disabled = true;
    try {
      const found = await ctx.api("GET", "/api/viewers/find", { query: { login } });
      await put(found.id, list);
      input.value = "";
      search.value = "";
      await rows.reset();
      ctx.toast({ words: say("added", { name: nameOf(found) }), tone: "go" });
    } catch (error) {
      setText(fault, error.status === 404 ? say("unknown", { name: login }) : [error.detail, error.advice].filter(Boolean).join(" "));
    } finally {
      add.disabled = false;
      input.focus();
    }
  });

  const node = el("div", "people", el("p", "quiet measure", say(`${list}_text`)), el("div", "people-tools", ctx.owner ? adder : null, search), fault, rows.node);
  return {
    node,
    refresh: () => rows.reset(),
    leave() {
      clearTimeout(timer);
      rows.close();
    },
  };
}
