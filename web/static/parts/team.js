// Who helps: moderators who may see the dashboard and give, extend and remove VIPs.
import { el, on, set, setText } from "../lib/dom.js";
import { button, panel, person, signal, timeAgo } from "../lib/parts.js";
import { dateOf, scope } from "../lib/words.js";
import words from "../words/en/team.js";

const { say } = scope("team", words);
const LOGIN = /^@?[A-Za-z0-9_]{1,25}$/;

export function teamPanel(ctx, members) {
  const list = el("ul", "lines");
  const input = set(el("input", "input"), { id: "team-login", placeholder: say("placeholder"), autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "team-fault" });
  const label = set(el("label", "for-ears", say("add_label")), { for: "team-login" });
  const fault = set(el("p", "field-error"), { id: "team-fault", role: "alert" });
  const add = button({ words: say("add"), icon: "user_plus", type: "submit" });
  const adder = el("form", "adder", label, input, add);
  const all = button({ words: say("all"), icon: "team", press: () => letAllIn() });

  function row(member) {
    const under = member.last_seen_at ? el("span", "", say("seen"), " ", timeAgo(member.last_seen_at)) : say("never_seen");
    const name = member.name || member.login;
    const out = button({ words: say("remove", { name }), icon: "close", kind: "icon", press: () => remove(member, name) });
    const state = member.is_moderator === false ? signal("standby", say("no_moderator")) : el("span", "faint", say("since", { date: dateOf(member.since) }));
    return el("li", "line-row", person({ id: member.user_id, login: member.login, name: member.name }, under), state, out);
  }

  function show(given) {
    list.replaceChildren(...(given.length > 0 ? given.map(row) : [el("li", "none", say("none"))]));
  }

  async function refresh() {
    try {
      show((await ctx.api("GET", "/api/team", { signal: ctx.signal })).members);
    } catch (error) {
      if (error.name !== "AbortError") ctx.failed(error, say("failed"));
    }
  }

  async function remove(member, name) {
    const sure = await ctx.confirm({ heading: say("remove_heading", { name }), text: say("remove_text"), yes: say("remove_yes") });
    if (!sure) return;
    try {
      await ctx.api("DELETE", `/api/team/${encodeURIComponent(member.user_id)}`);
      await refresh();
      ctx.toast({ words: say("removed", { name }), tone: "go" });
    } catch (error) {
      ctx.failed(error, say("failed"));
    }
  }

  async function letAllIn() {
    const sure = await ctx.confirm({ heading: say("all_heading"), text: say("all_text"), yes: say("all") });
    if (!sure) return;
    try {
      await ctx.api("POST", "/api/team/moderators");
      await refresh();
      ctx.toast({ words: say("all_in"), tone: "go" });
    } catch (error) {
      ctx.failed(error, say("failed"));
    }
  }

  on(input, "input", () => setText(fault, ""));
  on(adder, "submit", async (event) => {
    event.preventDefault();
    const login = input.value.trim().replace(/^@/, "");
    if (!LOGIN.test(login)) {
      setText(fault, say("not_a_login"));
      input.focus();
      return;
    }
    add.disabled = true;
    try {
      await ctx.api("POST", "/api/team", { body: { login } });
      input.value = "";
      await refresh();
      ctx.toast({ words: say("added", { name: login }), tone: "go" });
    } catch (error) {
      setText(fault, error.status === 404 ? say("unknown", { name: login }) : [error.detail, error.advice].filter(Boolean).join(" "));
    } finally {
      add.disabled = false;
      input.focus();
    }
  });

  show(members);
  const node = panel({ heading: say("heading"), note: say("note"), tools: [all], body: [el("div", "panel-pad stack-tight", adder, fault), list] });
  return { node, refresh };
}
