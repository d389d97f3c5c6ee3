// The door of a room: a name, if nobody knows it yet, and the password, where there is one.
import { el, lamp, on, set, setText } from "../lib/dom.js";
import { button } from "../lib/parts.js";
import { keptName } from "./lobby.js";

/**
 * @param base {say, session}; `ask` {name, password}: what has to be asked; `wrong`: the password was not the right one.
 * `enter({userName, password})` is called once it is known. Gives {node, h1}.
 */
export function doorFace({ say, session }, { ask, wrong = false, roomId }, enter) {
  const h1 = set(el("h1", "", say("door_heading")), { tabindex: "-1" });
  const name = set(el("input", "input"), { type: "text", id: "door-name", maxlength: "32", dir: "auto", autocomplete: "nickname", required: ask.name });
  name.value = keptName("") || session.name || "";
  const password = set(el("input", "input"), { type: "password", id: "door-password", autocomplete: "off", maxlength: "100", required: ask.password });
  const fault = set(el("p", "field-error"), { role: "alert", id: "door-fault" });
  fault.hidden = !wrong;
  setText(fault, wrong ? say("door_wrong") : "");
  if (wrong) set(password, { "aria-invalid": "true", "aria-describedby": "door-fault" });
  const press = button({ words: say("door_press"), icon: "leave", kind: "" });
  press.type = "submit";
  const field = (input, words, hint) => el("div", "field", el("div", "field-words", set(el("label", "label", words), { for: input.id }), hint ? el("p", "field-hint", hint) : null), input);
  const shape = el(
    "form", "door-form",
    ask.name ? field(name, say("your_name"), say("door_name_hint")) : null,
    ask.password ? el("div", "stack-tight", field(password, say("door_password"), ""), fault) : null,
    press,
  );
  on(shape, "submit", (event) => {
    event.preventDefault();
    const userName = name.value.trim();
    if (ask.name && !userName) {
      name.focus();
      return;
    }
    if (ask.name) keptName(userName);
    press.disabled = true;
    enter({ userName: ask.name ? userName : "", password: password.value });
  });
  const node = el("div", "face face-whole door", lamp(wrong ? "stop" : "standby"), h1, el("p", "", say(ask.password ? "door_password_text" : "door_text", { room: roomId })), shape);
  return { node, h1, focus: () => (ask.password && !ask.name ? password : ask.name && !name.value ? name : press).focus() };
}
