// First step: what Twitch has to allow.
import { el, set } from "../lib/dom.js";
import { button, link, signal } from "../lib/parts.js";
import { featureOf } from "./features.js";

/** The consent leads back to this guide. */
function consentOf(ctx, url) {
  const full = new URL(url, location.origin);
  full.searchParams.set("return_to", ctx.url("/welcome"));
  return full.pathname + full.search;
}

export function permissionsStep(ctx, { scopes, next }) {
  const needed = scopes.needed.filter((row) => row.on);
  const missing = needed.filter((row) => row.missing.length > 0);
  const rows = needed.map((row) => {
    const good = row.missing.length === 0;
    return el("li", "line-row", el("span", "line-words", el("strong", "", featureOf(row).name), el("span", "quiet", featureOf(row).why)), signal(good ? "go" : "stop", ctx.say(good ? "granted" : "missing")));
  });
  const actions = missing.length > 0
    ? [link({ words: ctx.say("consent"), href: consentOf(ctx, scopes.consent_url), icon: "twitch", kind: "" }), button({ words: ctx.say("later"), press: next })]
    : [button({ words: ctx.say("go_on"), kind: "", press: next })];
  const heading = set(el("h2", "", ctx.say(missing.length > 0 ? "permissions_open" : "permissions_good")), { tabindex: "-1" });
  const text = el("p", "quiet measure", ctx.say(missing.length > 0 ? "permissions_open_text" : "permissions_good_text"));
  return { node: el("section", "panel welcome-step", el("div", "panel-pad stack-tight", heading, text), el("ul", "lines", ...rows), el("div", "panel-pad actions-left", ...actions)) };
}
