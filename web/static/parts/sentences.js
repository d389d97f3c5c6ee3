// What viewers read in chat: the sentence of an event with examples in its places, as it stands in the settings.
import { bdi, el, set, setText } from "../lib/dom.js";
import { scope } from "../lib/words.js";
import words from "../words/en/sentences.js";

const { say } = scope("sentences", words);

/** Put examples into the places of a template; a place that nobody knows stays as it stands. */
export const withExamples = (template, placeholders) =>
  template.replace(/\{(\w+)\}/g, (whole, name) => placeholders.find((each) => each.name === name)?.example ?? whole);

/** A line of chat; `say(line)` changes it. */
export function chatLine(who, line = "") {
  const words = set(el("span", "chat-words"), { dir: "auto" });
  const node = el("p", "chat-line", bdi(who, "chat-who"), ": ", words);
  setText(words, line);
  return { node, say: (text) => setText(words, text) };
}

/**
 * The sentences by event in a language of the chat, or an empty map where the server does not tell them: then rules
 * stand without.
 */
export async function sentencesOf(ctx, language) {
  try {
    const { events } = await ctx.api("GET", "/api/settings/messages", { query: { language }, signal: ctx.signal });
    return new Map(events.map((each) => [each.event, each]));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return new Map();
  }
}

/** Whether an event is not told: by itself, or with all of its family ("refunded" for each "refunded.…"). */
export const isOff = (messages, event) => messages.off.includes(event) || messages.off.includes(event.split(".")[0]);

/** What is said: the streamer's own text, unless it cannot be used; else the usual one. */
export const saidFor = (messages, known) => (messages.faults?.[known.event] ? "" : messages.texts[known.event]) || known.default;

/** "They read: …" under a rule, or null when the event has no sentence. `messages` are those of the settings. */
export function theyRead(event, sentences, messages, who) {
  const known = sentences.get(event);
  if (!known || (!known.default && !messages.texts[event])) return null;
  if (isOff(messages, event)) return el("p", "they-read quiet", say("silent"));
  const line = withExamples(saidFor(messages, known), known.placeholders);
  return el("div", "they-read", el("span", "they-read-label", say("they_read")), chatLine(who, line).node);
}
