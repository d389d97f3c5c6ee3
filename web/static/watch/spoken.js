// What a screen reader hears of a room: each change once, and a chat that runs fast summed up.

const PAUSE_MS = 1_500;
const MOST_READ = 3;

/** @param parts {say, heard(words)}. Gives {chat(lines), tell(words), change(key, words)}. */
export function spoken({ say, heard }) {
  let waiting = [];
  let lines = [];
  let timer = null;
  const said = new Map();

  function flush() {
    timer = null;
    const told = [...waiting];
    if (lines.length > MOST_READ) told.push(say("heard_chat", { n: lines.length }));
    else told.push(...lines.map((line) => `${line.userName}: ${line.message}`));
    waiting = [];
    lines = [];
    if (told.length > 0) heard(told.join(". "));
  }
  const soon = () => { timer ??= setTimeout(flush, PAUSE_MS); };

  return {
    /** Lines of the chat that are new, without one's own. */
    chat(fresh) {
      if (fresh.length === 0) return;
      lines.push(...fresh);
      soon();
    },
    tell(words) {
      waiting.push(words);
      soon();
    },
    /** Speak a state when it differs from the one that was spoken last under this key. */
    change(key, words) {
      if (said.get(key) === words) return;
      const first = !said.has(key);
      said.set(key, words);
      if (first || !words) return;
      waiting.push(words);
      soon();
    },
    leave: () => clearTimeout(timer),
  };
}

