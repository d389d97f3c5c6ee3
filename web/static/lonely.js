// A page that stands alone (an error, a wrong address) in the language of whoever reads it. It is English by itself, so
// that it says something also where nothing else can be fetched.
import { label, language, scope, translated } from "./lib/words.js";
import words from "./words/en/lonely.js";

const { say } = scope("lonely", words);

if (language !== "en") {
  await translated();
  label(document, say);
  document.title = `${document.querySelector("h1").textContent} · Cuelight`;
}
