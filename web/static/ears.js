// What a screen reader hears: changes once, summed up, not each row.
import { byId } from "./dom.js";
import { say } from "./words.js";

const PAUSE_MS = 5_000;

export function ears() {
  const region = byId("ears");
  let sums = { granted: 0, refunded: 0, ended: 0 };
  let timer = null;

  function speak() {
    timer = null;
    const { granted, refunded, ended } = sums;
    sums = { granted: 0, refunded: 0, ended: 0 };
    if (granted + refunded + ended > 0) region.textContent = say("heard", { granted, refunded, ended });
  }

  return {
    /** Speak at once. */
    say(words) {
      region.textContent = words;
    },
    /** One more of `kind`; several are told together. */
    count(kind) {
      sums[kind] += 1;
      timer ??= setTimeout(speak, PAUSE_MS);
    },
  };
}
