// What a channel holds of one viewer, for the streamer who is asked for it: as a file, or to be erased.
import { openDialog } from "../lib/dialogs.js";
import { el } from "../lib/dom.js";
import { button, link, nameOf } from "../lib/parts.js";
import { scope } from "../lib/words.js";
import words from "../words/en/viewer_data.js";

const { say } = scope("viewer_data", words);
const DONE = { nothing: "nothing", erased_unfinished: "unfinished" };

/** The name of the deed, for a menu or a button. */
export const dataWords = (viewer) => say("open", { name: nameOf(viewer) });

/** Whether this person may ask for it: the streamer, and not of himself. */
export const mayAskData = (ctx, viewer) => ctx.owner && Boolean(viewer?.id) && viewer.id !== ctx.channel.id;

async function erase(ctx, viewer) {
  const name = nameOf(viewer);
  const text = el("ul", "told-list measure", ...[1, 2, 3].map((n) => el("li", "", say(`erase_${n}`))));
  const sure = await ctx.confirm({
    heading: say("erase_heading", { name }), text, yes: say("erase_yes"), danger: true, type: viewer.login || viewer.id,
  });
  if (!sure) return;
  try {
    const answer = await ctx.api("POST", `/api/viewers/${encodeURIComponent(viewer.id)}/erase`);
    const pending = answer.state === "pending";
    if (pending) ctx.toast({ tone: "standby", words: say("going", { name }) });
    const told = pending ? await ctx.settle(answer) : answer;
    if (told.state === "failed" || told.result === "refused") ctx.toast({ tone: "stop", words: [say("failed", { name }), told.detail].filter(Boolean).join(" ") });
    else ctx.toast({ tone: told.result === "erased_unfinished" ? "standby" : "go", words: say(DONE[told.result] ?? "erased", { name }) });
  } catch (error) {
    ctx.failed(error, say("failed", { name }));
  }
}

/** Open the window for `viewer` {id, login, name}. */
export function viewerData(ctx, viewer) {
  const name = nameOf(viewer);
  const query = new URLSearchParams({ channel: ctx.channel.id });
  const file = link({ words: say("download"), icon: "download", href: `/api/viewers/${encodeURIComponent(viewer.id)}/export?${query}`, download: true });
  const gone = button({ words: say("erase"), icon: "trash", press: () => { shown.close(); erase(ctx, viewer); } });
  const shown = openDialog({ heading: say("heading", { name }), body: el("p", "measure", say("text", { name })), actions: [gone, file] });
  file.focus();
  return shown;
}
