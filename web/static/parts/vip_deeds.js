// What one can do about a VIP from its row: more time, an end, protection, removal. The row changes at once and is put
// back when the server says no; a removal waits some seconds before it is sent, so that it can be taken back.
import { el, set } from "../lib/dom.js";
import { openDialog, sentenceOf } from "../lib/dialogs.js";
import { durationInput } from "../lib/duration.js";
import { button, nameOf } from "../lib/parts.js";
import { randomKey } from "../lib/api.js";
import { span } from "../lib/words.js";
import { dataWords, mayAskData, viewerData } from "./viewer_data.js";
import { isByHand, viewerOf } from "./vip_row.js";

const HOUR = 3_600;
const DAY = 86_400;
const UNDO_SECONDS = 6;

/** Ask for a time; `act(seconds)` may throw an ApiError, which is shown. */
export function askTime(ctx, { heading, text, yes, seconds, act }) {
  const input = durationInput({ seconds, label: ctx.say("grant_time"), min: 60 });
  const label = el("label", "label", ctx.say("grant_time"));
  label.htmlFor = input.input.id;
  const error = set(el("p", "field-error"), { role: "alert" });
  const go = async () => {
    if (input.fault) {
      error.textContent = input.fault;
      input.input.focus();
      return;
    }
    try {
      await act(input.seconds);
      shown.close();
    } catch (failure) {
      if (!failure.code) throw failure;
      error.textContent = sentenceOf(failure);
    }
  };
  const yesButton = button({ words: yes, kind: "", type: "submit" });
  const form = el("form", "stack", el("p", "measure quiet", text), el("div", "field", label, input.node, error), el("div", "form-foot", button({ words: ctx.say("cancel"), press: () => shown.close() }), yesButton));
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    yesButton.disabled = true;
    await go();
    yesButton.disabled = false;
  });
  const shown = openDialog({ heading, body: form });
  input.input.focus();
  input.input.select();
}

/**
 * @param {{list: () => object, usual: () => number, removes?: () => boolean}} parts the list of rows; the channel's usual
 * time in seconds; whether VIPs whose time is up are taken back
 */
export function vipDeeds(ctx, { list, usual, removes = () => true }) {
  const leaving = new Map(); // id → {send}

  /** Show `changed` at once; put `vip` back if `ask` fails. */
  async function optimistic(vip, changed, ask, done) {
    list().upsert({ ...vip, ...changed });
    try {
      const answer = await ask();
      // A later state than this answer's may have come by the stream meanwhile; that one stays.
      const live = ctx.live.picture?.vips.get(vip.id);
      if (answer?.vip && (!live || live.expires_at === vip.expires_at)) list().upsert(answer.vip);
      if (answer?.result === "pending") ctx.toast({ tone: "standby", words: ctx.say("pending_done", { name: nameOf(viewerOf(vip)) }) });
      await ctx.finished(answer);
      ctx.toast({ tone: "go", words: done });
    } catch (error) {
      list().upsert(ctx.live.picture?.vips.get(vip.id) ?? vip);
      throw error;
    }
  }

  async function orTell(vip, doing) {
    try {
      await doing();
    } catch (error) {
      ctx.failed(error, ctx.say("not_done", { name: nameOf(viewerOf(vip)) }));
    }
  }

  const extend = (vip, seconds) =>
    optimistic(
      vip, { expires_at: vip.expires_at + seconds * 1000, extensions: (vip.extensions ?? 0) + 1 },
      () => ctx.api("POST", "/api/vip/extend", { body: { viewer: vip.viewer_id, seconds } }),
      ctx.say("extended_done", { name: nameOf(viewerOf(vip)), time: span(seconds) }),
    );

  async function adopt(vip, seconds) {
    const name = nameOf(viewerOf(vip));
    const answer = await ctx.api("POST", "/api/vip", { body: { viewer: vip.viewer_id, seconds, adopt: true } });
    if (answer?.vip && answer.vip.id !== vip.id) list().upsert({ ...vip, status: "ended" });
    if (answer?.vip) list().upsert(answer.vip);
    ctx.toast({ tone: "go", words: ctx.say(answer?.result === "pending" ? "pending_done" : "adopted_done", { name, time: span(seconds) }) });
  }

  async function protect(vip, wanted) {
    const name = nameOf(viewerOf(vip));
    const ask = () => ctx.api("POST", "/api/vip/protect", { body: { viewer: vip.viewer_id, protected: wanted } });
    if (wanted && vip.expires_at !== null) {
      const sure = await ctx.confirm({
        heading: ctx.say("protect_heading", { name }), text: ctx.say("protect_text", { name }), yes: ctx.say("protect_yes"),
      });
      if (!sure) return;
    }
    await orTell(vip, () => optimistic(vip, { protected: wanted }, ask, ctx.say(wanted ? "protected_done" : "unprotected_done", { name })));
  }

  /** Removed after some seconds; until then it can be taken back. Leaving the page sends it at once. */
  function remove(vip) {
    const name = nameOf(viewerOf(vip));
    const key = randomKey();
    let sent = false;
    const send = async (keepalive = false) => {
      if (sent) return;
      sent = true;
      leaving.delete(vip.id);
      try {
        await ctx.finished(await ctx.api("DELETE", "/api/vip", { query: { viewer: vip.viewer_id }, key, keepalive }));
        list().upsert({ ...vip, status: "ended" });
      } catch (error) {
        if (error.code === "vip.not_vip") list().upsert({ ...vip, status: "ended" });
        else {
          list().unfade(vip.id);
          ctx.failed(error, ctx.say("not_done", { name }));
        }
      }
    };
    list().fade(vip.id, ctx.say("removing"));
    leaving.set(vip.id, { send });
    ctx.toast({
      tone: "info", words: ctx.say("removed", { name }), seconds: UNDO_SECONDS, onGone: () => send(),
      action: {
        words: ctx.say("undo"),
        press() {
          sent = true;
          leaving.delete(vip.id);
          list().unfade(vip.id);
        },
      },
    });
  }

  const sendAll = () => [...leaving.values()].forEach(({ send }) => send(true));
  addEventListener("pagehide", sendAll);
  ctx.onEnd(() => {
    removeEventListener("pagehide", sendAll);
    sendAll();
  });

  function own(vip) {
    const name = nameOf(viewerOf(vip));
    const hand = vip.expires_at === null;
    askTime(ctx, {
      heading: ctx.say(hand ? "adopt_heading" : "extend_heading", { name }),
      text: ctx.say(hand ? "adopt_text" : "extend_text", { name }),
      yes: ctx.say(hand ? "grant_adopt" : "extend_yes"),
      seconds: usual() || DAY,
      act: (seconds) => (hand ? adopt(vip, seconds) : extend(vip, seconds)),
    });
  }

  return {
    removes,
    extendItems(vip) {
      const give = (words, seconds) => ({
        words: `+ ${ctx.say(words)}`,
        press: () => orTell(vip, () => (vip.expires_at === null ? adopt(vip, seconds) : extend(vip, seconds))),
      });
      const items = [give("plus_hour", HOUR), give("plus_day", DAY), give("plus_week", 7 * DAY)];
      if (vip.expires_at === null) return [{ words: ctx.say("adopt"), icon: "clock", press: () => own(vip) }];
      return [...items, { words: ctx.say("plus_own"), press: () => own(vip) }];
    },
    moreItems(vip) {
      const name = nameOf(viewerOf(vip));
      const ownersOnly = ctx.owner ? {} : { why: ctx.say("owner_only") };
      return [
        isByHand(vip) && !vip.protected ? { words: ctx.say("adopt"), icon: "clock", press: () => own(vip) } : undefined,
        vip.protected
          ? { words: ctx.say("unprotect"), icon: "shield", press: () => protect(vip, false), ...ownersOnly }
          : { words: ctx.say("protect"), icon: "shield", press: () => protect(vip, true), ...ownersOnly },
        { words: ctx.say("see_activity", { name }), icon: "activity", press: () => ctx.go(ctx.url("/activity", { viewer: vip.viewer_login || vip.viewer_id })) },
        mayAskData(ctx, viewerOf(vip)) ? { words: dataWords(viewerOf(vip)), icon: "docs", press: () => viewerData(ctx, viewerOf(vip)) } : undefined,
        null,
        { words: ctx.say("remove"), icon: "trash", danger: true, press: () => remove(vip) },
      ].filter((item) => item !== undefined);
    },
  };
}
