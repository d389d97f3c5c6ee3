// Motion explains a change. When many things change at once it explains nothing and costs frames: then there is none.
const MOST = 3;
const WITHIN_MS = 1_000;

let recent = [];

/** Add the class of an animation, unless there were several just now. */
export function animate(node, name) {
  const at = performance.now();
  recent = recent.filter((each) => at - each < WITHIN_MS);
  if (recent.length >= MOST) return;
  recent.push(at);
  node.classList.add(name);
}
