// The page of the API: reads /api/openapi.json and draws it. Nothing of it is fetched from anywhere else.
import { byId, el, on, set } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { chooseTheme, theme, THEMES } from "../lib/theme.js";
import { methodMark, operationNode } from "./operation.js";
import { marked } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const main = byId("main");

async function json(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** `{name, what, operations}` in the order of the document's tags. */
function groupsOf(document) {
  const groups = new Map((document.tags ?? []).map((tag) => [tag.name, { name: tag.name, what: tag.description ?? "", operations: [] }]));
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS.filter((one) => methods[one])) {
      const told = methods[method];
      const name = told.tags?.[0] ?? "others";
      if (!groups.has(name)) groups.set(name, { name, what: "", operations: [] });
      groups.get(name).operations.push({ id: told.operationId, method: method.toUpperCase(), path, told });
    }
  }
  return [...groups.values()].filter((group) => group.operations.length);
}

const groupId = (name) => `group-${name.replaceAll(/\W+/g, "-")}`;
const upper = (name) => (name === "vips" ? "VIPs" : name.charAt(0).toUpperCase() + name.slice(1));

function draw(document, session) {
  const groups = groupsOf(document);
  const sections = groups.map((group) => {
    const heading = set(el("h2", "", upper(group.name)), { id: groupId(group.name) });
    const operations = group.operations.map((one) => operationNode(document, one, session));
    return { group, node: set(el("section", "docs-group", heading, el("p", "quiet", group.what), ...operations), { "aria-labelledby": heading.id }) };
  });
  const nothing = set(el("p", "docs-nothing quiet", "No endpoint is called so."), { hidden: true });
  main.replaceChildren(introNode(document, session), ...sections.map((one) => one.node), nothing);
  byId("nav").replaceChildren(...groups.map(navGroup));
  return { groups, sections, nothing };
}

function introNode(document, session) {
  const { info } = document;
  const who = session.signed_in
    ? ["You are signed in as ", el("bdi", "", session.name || "somebody"), ". Requests of this page are sent as yours."]
    : ["You are not signed in. You can read everything; to send requests from here, ", set(el("a", "link", "sign in"), { href: session.sign_in_url ?? "/sign-in" }), "."];
  const rules = [
    "Requests that change something carry the header `X-CSRF-Token` (from `/api/auth/csrf`) and come from this very origin.",
    "`?channel=` names the channel by its id. Who has only one channel may leave it out.",
    "Times are UTC milliseconds in `…_at`, lengths whole seconds in `…_seconds`. What we do not know is refused, never ignored.",
    "Whatever goes wrong is `application/problem+json` with a stable `code`, a `detail` in words, and `advice`. 429 and 503 carry `Retry-After`.",
    "Send `Idempotency-Key` with a write and repeat it as often as you like: it is carried out once.",
    "A write that takes over ten seconds is answered 202; `/api/operations/{id}` tells what became of it.",
    "Lists answer with a `cursor`; hand it back for the next page. `null` was the last.",
  ];
  const download = set(el("a", "button button-quiet", icon("download"), "openapi.json"), { href: "/api/openapi.json", download: "openapi.json" });
  return el(
    "section",
    "docs-intro",
    el("div", "docs-head", el("div", "", el("h1", "", "What can programs do here?"), el("p", "quiet", `The API of this Cuelight, version ${info.version}. ${info.summary ?? ""}`)), download),
    el("p", "docs-who", ...who),
    el("ul", "docs-rules", ...rules.map((rule) => el("li", "", el("span", "", ...marked(rule))))),
  );
}

function navGroup(group) {
  const items = group.operations.map((one) => {
    const link = set(el("a", "docs-link", methodMark(one.method), el("span", "docs-link-path", one.path.replace(/^\/api\//, "")), el("span", "for-ears", ` ${one.told.summary}`)), { href: `#${one.id}` });
    return el("li", "", link);
  });
  return el("div", "docs-nav-group", set(el("a", "docs-nav-name", upper(group.name)), { href: `#${groupId(group.name)}` }), el("ul", "", ...items));
}

/** Show what has every word of the search in its path, method or summary. */
function filterBy(drawn, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const links = [...byId("nav").querySelectorAll(".docs-link")];
  let count = 0;
  for (const { group, node } of drawn.sections) {
    let some = false;
    for (const one of group.operations) {
      const text = `${one.method} ${one.path} ${one.told.summary} ${group.name}`.toLowerCase();
      const fits = wanted.every((word) => text.includes(word));
      byId(one.id).hidden = !fits;
      links.find((link) => link.hash === `#${one.id}`).parentElement.hidden = !fits;
      some ||= fits;
      count += fits ? 1 : 0;
    }
    node.hidden = !some;
  }
  for (const place of byId("nav").children) place.hidden = !place.querySelector("li:not([hidden])");
  drawn.nothing.hidden = count > 0;
  byId("ears").textContent = wanted.length ? `${count} endpoints` : "";
}

/** Open what the address names, and mark it in the contents. */
function follow() {
  const target = location.hash ? byId(decodeURIComponent(location.hash.slice(1))) : null;
  for (const link of byId("nav").querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  byId("nav").querySelector(`[href="#${CSS.escape(target.id)}"]`)?.setAttribute("aria-current", "location");
  target.scrollIntoView({ block: "start" });
  (target.querySelector("summary") ?? set(target, { tabindex: -1 })).focus({ preventScroll: true });
  if (phone.matches) byId("contents").open = false;
}

function broken() {
  const again = set(el("button", "button", "Try again"), { type: "button" });
  on(again, "click", () => location.reload());
  main.replaceChildren(
    el("div", "face", el("h1", "", "The description did not come"), el("p", "", "Cuelight did not answer just now. Nothing is wrong with your browser; the next try may work."), el("div", "actions", again)),
  );
}

function themeButton() {
  const button = byId("theme");
  const show = () => {
    const words = `Theme: ${theme()}`;
    button.replaceChildren(icon("theme"));
    set(button, { "aria-label": words, title: words });
  };
  on(button, "click", () => {
    chooseTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    show();
    byId("ears").textContent = `Theme: ${theme()}`;
  });
  show();
}

const phone = matchMedia("(max-width: 960px)");

async function start() {
  themeButton();
  byId("contents").open = !phone.matches;
  on(phone, "change", () => { byId("contents").open = !phone.matches; });
  let document = null;
  let session = { signed_in: false, channels: [] };
  try {
    [document, session] = await Promise.all([json("/api/openapi.json"), json("/api/auth/session").catch(() => session)]);
  } catch {
    broken();
    return;
  }
  const drawn = draw(document, session);
  const find = byId("find");
  on(find, "input", () => filterBy(drawn, find.value));
  on(find, "keydown", (event) => {
    if (event.key !== "Escape") return;
    find.value = "";
    filterBy(drawn, "");
  });
  on(window, "keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    find.focus();
  });
  on(window, "hashchange", follow);
  follow();
}

start();
