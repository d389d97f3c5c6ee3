// The address of the overlay for streaming software.
import { el } from "../lib/dom.js";
import { button, copyable, link, panel } from "../lib/parts.js";

/** `overlay`: an address, or {url}. */
export function overlayPanel(ctx, overlay) {
  const body = el("div", "panel-pad stack-tight");

  function show(address) {
    const url = new URL(address, location.origin).href;
    const open = link({ words: ctx.say("overlay_open"), href: url, icon: "external", external: true });
    const other = button({ words: ctx.say("overlay_rotate"), icon: "refresh", press: rotate });
    body.replaceChildren(copyable(url), el("p", "hint", ctx.say("overlay_hint")), el("div", "actions-left", open, other));
  }

  async function rotate() {
    const sure = await ctx.confirm({ heading: ctx.say("overlay_rotate_heading"), text: ctx.say("overlay_rotate_text"), yes: ctx.say("overlay_rotate") });
    if (!sure) return;
    try {
      show((await ctx.api("POST", "/api/settings/overlay/rotate")).url);
      ctx.toast({ words: ctx.say("overlay_rotated"), tone: "go" });
    } catch (error) {
      ctx.failed(error, ctx.say("overlay_not_rotated"));
    }
  }

  show(typeof overlay === "string" ? overlay : overlay.url);
  const node = panel({ heading: ctx.say("overlay"), note: ctx.say("overlay_note"), body });
  node.id = "overlay";
  return node;
}
