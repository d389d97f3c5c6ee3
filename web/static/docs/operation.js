// One operation: its line, and what unfolds under it. Drawn when it is first opened: there are many.
import { el, freshId, on, set } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { exampleOf, fieldsOf, marked, typeWords } from "./schema.js";
import { tryIt } from "./try.js";

/** Who may, in words, from the security of an operation. */
const WHO = {
  session: "signed in",
  bearer: "with a token",
  cronSecret: "with the cron secret",
};

export function operationNode(document, operation, session) {
  const { id, method, path, told } = operation;
  const summary = el(
    "summary",
    "op-line",
    methodMark(method),
    el("code", "op-path", ...brokenPath(path)),
    el("span", "op-summary", told.summary ?? ""),
    whoNode(told),
  );
  const node = set(el("details", "panel op", summary), { id });
  on(node, "toggle", () => {
    if (node.open && node.childElementCount === 1) node.append(bodyOf(document, operation, session));
  });
  return node;
}

export const methodMark = (method) => el("span", `method method-${method.toLowerCase()}`, method);

/** Long paths break after slashes only. */
const brokenPath = (path) => path.split(/(?<=\/)/).flatMap((part) => [part, el("wbr")]);

function whoNode(told) {
  const needs = (told.security ?? []).flatMap((one) => Object.keys(one));
  if (!needs.length) return el("span", "op-who");
  const owner = /Only the owner/.test(told.description ?? "");
  const words = owner ? "owner" : (WHO[needs[0]] ?? needs[0]);
  return el("span", "op-who", icon("lock"), el("span", "", words));
}

function bodyOf(document, operation, session) {
  const { told } = operation;
  const words = el("div", "op-words");
  for (const paragraph of (told.description ?? "").split("\n\n").filter(Boolean)) words.append(el("p", "measure quiet", ...marked(paragraph)));
  const parameters = told.parameters ?? [];
  if (parameters.length) words.append(section("What it takes", parametersNode(document, parameters)));
  const body = Object.entries(told.requestBody?.content ?? {})[0];
  if (body) words.append(section(`Body, ${body[0]}`, fieldsOf(document, body[1].schema), exampleNode(document, body[1].schema, "Example")));
  words.append(section("What it answers", answersNode(document, told.responses ?? {})));
  return el("div", "op-body", words, tryIt(document, operation, session));
}

function section(heading, ...children) {
  return el("section", "op-section", el("h4", "", heading), ...children);
}

function parametersNode(document, parameters) {
  const list = el("ul", "fields");
  for (const one of parameters) {
    const line = el("div", "field-line", el("code", "field-name", one.name), el("span", "field-type", typeWords(document, one.schema ?? {})));
    line.append(el("span", "field-place", one.in));
    if (!one.required) line.append(el("span", "field-optional", "optional"));
    if (one.schema?.default !== undefined && one.schema.default !== "" && one.schema.default !== null) {
      line.append(el("span", "field-optional", `else ${JSON.stringify(one.schema.default)}`));
    }
    list.append(el("li", "", line, one.description ? el("p", "field-what", ...marked(one.description)) : null));
  }
  return list;
}

/** Good answers unfold to their fields; problems have one shape, so their line says enough. */
function answersNode(document, responses) {
  const list = el("ul", "answers");
  for (const [status, answer] of Object.entries(responses)) {
    const [kind, content] = Object.entries(answer.content ?? {})[0] ?? [];
    const isProblem = kind === "application/problem+json";
    const head = el("div", "answer-line", el("span", "answer-status number", status), el("span", "", ...marked(answer.description ?? "")));
    const item = el("li", "answer", head);
    if (kind && !isProblem) {
      head.append(el("span", "field-place", Object.keys(answer.content).filter((one) => one !== "application/problem+json").join(", ")));
      const fields = fieldsOf(document, content.schema ?? {});
      if (fields) item.append(unfolding("Fields", fields), unfolding("Example", exampleNode(document, content.schema)));
    }
    list.append(item);
  }
  return list;
}

function unfolding(words, child) {
  return el("details", "unfold", el("summary", "", words), child);
}

function exampleNode(document, schema, label = "") {
  const example = exampleOf(document, schema);
  if (example === null || (typeof example === "object" && !Object.keys(example).length)) return null;
  const id = freshId("example");
  const pre = set(el("pre", "code-block", el("code", "", JSON.stringify(example, null, 2))), { id, tabindex: 0, "aria-label": label || "Example" });
  return label ? el("div", "stack-tight", el("h5", "", label), pre) : pre;
}
