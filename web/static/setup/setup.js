// The first run: asks where Cuelight is opened and which Twitch application it is, has both checked, waits for the start.
import { label, scope, translated } from "../lib/words.js";
import words from "../words/en/setup.js";

const { say, pick } = scope("setup", words);
const PATH = "/api/auth/callback/twitch";
const FIELDS = { "setup.public_url": "public_url", "setup.client_id": "client_id", "setup.client_secret": "client_secret" };
const LONGEST_START_MS = 60_000;
const CLOSED = ["token", "used"];

const at = (id) => document.getElementById(id);

function show(id) {
  for (const one of ["closed", "form", "done"]) at(one).hidden = one !== id;
}

/** The address to register, for what stands in the field; "" while that is no address. */
function redirectOf(text) {
  const given = text.trim().replace(/\/+$/, "");
  try {
    const url = new URL(given.includes("://") ? given : `https://${given}`);
    return `${url.origin}${PATH}`;
  } catch {
    return "";
  }
}

function showRedirect() {
  const redirect = redirectOf(at("public_url").value);
  at("redirect").textContent = redirect || "…";
  at("copy").disabled = !redirect;
}

async function copy() {
  const text = at("redirect").textContent;
  try {
    await navigator.clipboard.writeText(text);
    at("copied").textContent = say("copied");
  } catch {
    // Pages without https, other than localhost, may not: mark it, so that two keys do.
    getSelection().selectAllChildren(at("redirect"));
    at("copied").textContent = say("marked");
  }
}

function clearFaults() {
  at("trouble").hidden = true;
  for (const name of Object.values(FIELDS)) {
    at(`error-${name}`).hidden = true;
    at(name).removeAttribute("aria-invalid");
  }
}

function showFault(fault) {
  // Our own sentence where there is one; else the server's, which may quote Twitch.
  const told = pick(`fault ${fault.code}`) ?? [fault.detail ?? fault.title, fault.advice].filter(Boolean).join(" ");
  let name = FIELDS[fault.code];
  if (!name && /^setup\.(missing|malformed)$/.test(fault.code ?? "")) name = at("client_id").value.trim() ? "client_secret" : "client_id";
  if (!name) {
    at("trouble-text").textContent = told;
    at("trouble").hidden = false;
    return;
  }
  at(`error-${name}`).textContent = told;
  at(`error-${name}`).hidden = false;
  at(name).setAttribute("aria-invalid", "true");
  at(name).focus();
}

function setBusy(busy) {
  at("send").disabled = busy;
  at("send").setAttribute("aria-busy", String(busy));
  at("send").textContent = say(busy ? "sending" : "send");
}

async function send(event) {
  event.preventDefault();
  clearFaults();
  setBusy(true);
  try {
    const body = JSON.stringify(Object.fromEntries(Object.values(FIELDS).map((name) => [name, at(name).value])));
    const answer = await fetch("/api/setup", { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body });
    const told = await answer.json();
    if (answer.ok) await started(told.go_to);
    else if (answer.status === 403) close("used");
    else showFault(told);
  } catch {
    showFault({ detail: say("no_answer") });
  } finally {
    setBusy(false);
  }
}

/** Wait until the daemon itself answers on this address, then go to where people sign in. */
async function started(goTo) {
  show("done");
  at("done").focus();
  const place = new URL("/sign-in", goTo).href;
  const deadline = Date.now() + LONGEST_START_MS;
  while (Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) continue;
    at("lamp-now").dataset.signal = "go";
    at("favicon").href = "/static/favicon-go.svg";
    at("go").href = place;
    at("go").hidden = false;
    location.replace(place);
    return;
  }
  at("done-text").textContent = say("late");
}

function close(why) {
  const key = CLOSED.includes(why) ? why : "closed";
  at("closed-title").textContent = say(`${key}_title`);
  at("closed-text").textContent = say(`${key}_text`);
  show("closed");
}

async function begin() {
  const why = new URL(location.href).searchParams.get("why") ?? "";
  let answer = null;
  try {
    answer = await fetch("/api/setup", { headers: { Accept: "application/json" }, cache: "no-store" });
  } catch {
    answer = null;
  }
  if (!answer?.ok) {
    close(why);
    return;
  }
  const told = await answer.json();
  at("public_url").value = told.address;
  at("console").href = told.console;
  at("public_url").addEventListener("input", showRedirect);
  at("copy").addEventListener("click", copy);
  at("form").addEventListener("submit", send);
  showRedirect();
  show("form");
}

await translated();
label(document, say);
await begin();
