// Leaving Cuelight: what becomes of the VIPs and of the data is asked, and the login is typed, before anything happens.
import { openDialog } from "../lib/dialogs.js";
import { el, freshId, on, set, setText } from "../lib/dom.js";
import { button, notice } from "../lib/parts.js";
import { scope } from "../lib/words.js";
import words from "../words/en/leave.js";

const { say, fill } = scope("leave", words);

function question(name, heading, options) {
  const inputs = options.map(({ value }, n) => {
    const input = el("input");
    Object.assign(input, { type: "radio", name, value: String(value), checked: n === 0 });
    return input;
  });
  const cards = options.map((each, n) => el("label", "pick", inputs[n], el("span", "pick-words", el("strong", "", each.words), el("span", "quiet", each.text))));
  const node = el("fieldset", "picks", el("legend", "label", heading), ...cards);
  return { node, get: () => inputs.find((each) => each.checked).value === "true" };
}

export function leaveDialog(ctx, channel) {
  const name = channel.name || channel.login;
  const vips = question("vips", say("vips"), [
    { value: false, words: say("vips_keep"), text: say("vips_keep_text") },
    { value: true, words: say("vips_remove"), text: say("vips_remove_text") },
  ]);
  const data = question("data", say("data"), [
    { value: false, words: say("data_keep"), text: say("data_keep_text") },
    { value: true, words: say("data_erase"), text: say("data_erase_text") },
  ]);
  const input = set(el("input", "input"), { autocomplete: "off", autocapitalize: "off", spellcheck: "false", id: freshId("leave") });
  const label = set(fill(el("label", "label"), "type", { name: channel.login }), { for: input.id });
  const wrong = set(el("p", "field-error"), { role: "alert" });
  const body = el("form", "stack", el("p", "measure", say("text")), vips.node, data.node, el("div", "field", label, input), wrong);
  const yes = button({ words: say("yes"), kind: "danger", press: () => go() });
  const shown = openDialog({ heading: say("heading", { channel: name }), body, wide: true, actions: [button({ words: say("no"), press: () => shown.close() }), yes] });
  yes.disabled = true;
  on(input, "input", () => {
    yes.disabled = input.value.trim().toLowerCase() !== channel.login.toLowerCase();
  });
  on(body, "submit", (event) => {
    event.preventDefault();
    if (!yes.disabled) yes.click();
  });

  async function go() {
    setText(wrong, "");
    try {
      await ctx.api("POST", "/api/account/disconnect", { body: { remove_vips: vips.get(), erase: data.get(), confirm: input.value.trim() } });
      // It is carried out even if this page is closed; at its end everybody is signed out, so nothing is awaited here.
      left();
    } catch (error) {
      setText(wrong, [error.detail ?? error.message, error.advice].filter(Boolean).join(" "));
    }
  }

  function left() {
    const told = notice({ tone: "go", heading: say("left", { channel: name }), text: say(vips.get() ? "left_removed" : "left_kept") });
    const away = button({ words: say("away"), kind: "", press: () => shown.close() });
    shown.node.querySelector(".sheet-body").replaceChildren(told);
    shown.node.querySelector(".sheet-foot").replaceChildren(away);
    shown.node.addEventListener("close", () => location.assign("/sign-in?left=channel"));
    away.focus();
  }
  return shown;
}
