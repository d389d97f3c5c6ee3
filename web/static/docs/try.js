// "Try it": sends the request as this page's own, with the session and its CSRF token, and shows what came back.
import { el, freshId, on, set } from "../lib/dom.js";
import { exampleOf, resolve } from "./schema.js";

const SHOWN_CHARACTERS = 20_000;
const HEADERS = ["content-type", "location", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id"];
const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** Why an operation cannot be tried from a page; empty when it can. */
function whyNot({ path, told }, session) {
  if (path.startsWith("/api/auth/")) return path === "/api/auth/session" || path === "/api/auth/csrf" ? "" : "It would change who is signed in here, so it is not offered on this page.";
  if (told.responses?.["200"]?.content?.["text/event-stream"]) return "It does not end: open it with an EventSource, or look at the dashboard, which does.";
  const needs = new Set((told.security ?? []).flatMap((one) => Object.keys(one)));
  if (needs.has("bearer") || needs.has("cronSecret")) return "It is for programs with a secret, which this page does not know.";
  if ((told.tags ?? []).includes("webhooks")) return "Only Twitch can sign such a message.";
  if (needs.has("session") && !session.signed_in) return "Sign in first: then this page can send it for you.";
  return "";
}

export function tryIt(document, operation, session) {
  const reason = whyNot(operation, session);
  const box = el("section", "op-try", el("h4", "", "Try it"));
  if (reason) {
    box.append(el("p", "hint", reason));
    if (/^Sign in/.test(reason)) box.append(set(el("a", "button button-quiet", "Sign in"), { href: session.sign_in_url ?? "/sign-in" }));
    return box;
  }
  const fields = (operation.told.parameters ?? []).map((one) => field(document, one, session));
  const content = operation.told.requestBody?.content?.["application/json"];
  const body = content ? bodyField(document, content.schema) : null;
  const send = set(el("button", "button", "Send"), { type: "submit" });
  const answer = set(el("div", "answer-box"), { "aria-live": "polite" });
  const form = set(el("form", "try-form", ...fields.map((one) => one.node), body?.node ?? null), { novalidate: true });
  if (WRITES.has(operation.method)) form.append(el("p", "hint", "This is no test: what you send really happens."));
  form.append(el("div", "actions", send));
  on(form, "submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    send.setAttribute("aria-busy", "true");
    try {
      answer.replaceChildren(...(await sent(operation, fields, body)));
    } catch (error) {
      answer.replaceChildren(el("p", "answer-broken", error instanceof Unsent ? error.message : "Nobody answered. Is Cuelight running?"));
    } finally {
      send.disabled = false;
      send.removeAttribute("aria-busy");
    }
  });
  box.append(form, answer);
  return box;
}

class Unsent extends Error {}

/** A labelled input for a parameter; a choice where there are few values, the channels where a channel is asked. */
function field(document, parameter, session) {
  const schema = resolve(document, parameter.schema ?? {});
  const id = freshId("try");
  let input = null;
  const values = parameter.name === "channel" && session.channels?.length ? session.channels.map((one) => [one.id, `${one.name} (${one.id})`]) : valuesOf(schema);
  if (values) {
    input = el("select", "input", ...(parameter.required || parameter.name === "channel" ? [] : [set(el("option", "", "—"), { value: "" })]));
    for (const [value, words] of values) input.append(set(el("option", "", words), { value }));
    if (schema.default !== undefined) input.value = "";
  } else {
    input = set(el("input", "input"), { type: "text", autocomplete: "off", spellcheck: "false", placeholder: hintOf(schema) });
    if (parameter.required && schema.examples?.length) input.value = String(schema.examples[0]);
  }
  set(input, { id, required: parameter.required });
  const label = set(el("label", "label", parameter.name, parameter.required ? el("span", "quiet", " (needed)") : null), { for: id });
  return { parameter, node: el("div", "field", label, input), value: () => input.value };
}

function valuesOf(schema) {
  if (schema.enum) return schema.enum.map((one) => [String(one), String(one)]);
  if (schema.type === "boolean") return [["true", "true"], ["false", "false"]];
  return null;
}

function hintOf(schema) {
  if (schema.default !== undefined && schema.default !== "" && schema.default !== null) return String(schema.default);
  return schema.examples?.length ? `e.g. ${schema.examples[0]}` : "";
}

function bodyField(document, schema) {
  const id = freshId("try");
  const text = set(el("textarea", "input try-body"), { id, rows: 8, spellcheck: "false" });
  text.value = JSON.stringify(exampleOf(document, schema) ?? {}, null, 2);
  return { node: el("div", "field", set(el("label", "label", "Body"), { for: id }), text), value: () => text.value };
}

async function sent(operation, fields, body) {
  const query = new URLSearchParams();
  const headers = { Accept: "application/json, */*" };
  let path = operation.path;
  for (const { parameter, value } of fields) {
    const given = value();
    if (parameter.required && given === "") throw new Unsent(`${parameter.name} is needed.`);
    if (given === "") continue;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(given));
    else if (parameter.in === "query") query.set(parameter.name, given);
    else headers[parameter.name] = given;
  }
  let payload;
  if (body) {
    try {
      payload = JSON.stringify(JSON.parse(body.value()));
    } catch (error) {
      throw new Unsent(`The body is not JSON: ${error.message}`);
    }
    headers["Content-Type"] = "application/json";
  }
  const curl = curlOf(operation.method, path, query, headers, payload);
  if (WRITES.has(operation.method)) headers["X-CSRF-Token"] = await csrf();
  const url = query.size ? `${path}?${query}` : path;
  const began = performance.now();
  const answer = await fetch(url, { method: operation.method, headers, body: payload, cache: "no-store", redirect: "manual" });
  const text = await answer.text();
  return shown(answer, text, Math.round(performance.now() - began), curl);
}

async function csrf() {
  const answer = await fetch("/api/auth/csrf", { cache: "no-store" });
  if (!answer.ok) throw new Unsent("You are not signed in any more. Load this page again.");
  return (await answer.json()).token;
}

function shown(answer, text, milliseconds, curl) {
  const head = el("p", "answer-head", el("strong", "number", `${answer.status || "redirect"} ${answer.statusText}`), el("span", "quiet number", `${milliseconds} ms`));
  const lines = HEADERS.filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`);
  const nodes = [head];
  if (lines.length) nodes.push(block(lines.join("\n"), "Headers"));
  if (text) nodes.push(block(pretty(answer, text), "Body"));
  nodes.push(el("details", "unfold", el("summary", "", "The same with curl"), block(curl, "curl")));
  return nodes;
}

function pretty(answer, text) {
  let made = text;
  if (/json/.test(answer.headers.get("content-type") ?? "")) {
    try {
      made = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      made = text; // not JSON after all: shown as it came
    }
  }
  return made.length > SHOWN_CHARACTERS ? `${made.slice(0, SHOWN_CHARACTERS)}\n… ${made.length - SHOWN_CHARACTERS} characters more` : made;
}

function block(text, label) {
  return set(el("pre", "code-block", el("code", "", text)), { tabindex: 0, "aria-label": label });
}

function curlOf(method, path, query, headers, payload) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const url = `${location.origin}${path}${query.size ? `?${query}` : ""}`;
  const parts = [`curl -b jar -X ${method} ${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) if (name !== "Accept") parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (WRITES.has(method)) parts.push(`-H ${quoted(`Origin: ${location.origin}`)}`, "-H 'X-CSRF-Token: …'");
  if (payload !== undefined) parts.push(`-d ${quoted(payload)}`);
  return parts.join(" \\\n  ");
}
