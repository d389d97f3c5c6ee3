// What a screen reader hears of the live data: changes once, summed up, not each row.
import { heard } from "./dialogs.js";
import { own } from "./dom.js";
import { say } from "./words.js";

const PAUSE_MS = 5_000;
const COUNTED = { "vip.granted": "granted", "vip.refunded": "refunded", "vip.ended": "ended" };

export function ears() {
  const none = () => ({ granted: 0, refunded: 0, ended: 0 });
  let sums = none();
  let timer = null;

  function speak() {
    timer = null;
    const told = sums;
    sums = none();
    heard(say("heard", told));
  }

  return {
    /** One more deed of the trail; several are told together. */
    count(deed) {
      const kind = own(COUNTED, deed.action);
      if (!kind) return;
      sums[kind] += 1;
      timer ??= setTimeout(speak, PAUSE_MS);
    },
  };
}
