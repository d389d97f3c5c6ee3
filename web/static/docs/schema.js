// JSON Schema for people: types in words, fields as a list, an example. References are looked up in the document.
import { el } from "../lib/dom.js";

const DEEPEST = 5;

/** `code` in running text. */
export function marked(text) {
  return text.split(/(`[^`]+`)/).map((part) => (/^`.+`$/.test(part) ? el("code", "", part.slice(1, -1)) : part));
}

/** What a reference leads to; anything else is given back. */
export function resolve(document, schema) {
  let found = schema ?? {};
  for (let hops = 0; found.$ref && hops < 10; hops += 1) {
    const path = found.$ref.replace(/^#\//, "").split("/");
    found = path.reduce((at, name) => at?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], document) ?? {};
  }
  return found;
}

/** The choices of `anyOf` and its like, without null. */
const choicesOf = (schema) => schema.anyOf ?? schema.oneOf ?? null;
const isNull = (schema) => schema.type === "null";
const nameOf = (schema) => schema.$ref?.split("/").at(-1) ?? "";

/** "string", "integer, 1 to 200", "list of Vip", "text or null". */
export function typeWords(document, schema) {
  const choices = choicesOf(schema);
  if (choices) return [...new Set(choices.map((one) => (isNull(one) ? "null" : typeWords(document, one))))].join(" or ");
  const found = resolve(document, schema);
  if (found.enum) return found.enum.map((one) => JSON.stringify(one)).join(" | ");
  if ("const" in found) return JSON.stringify(found.const);
  if (found.type === "array") return `list of ${typeWords(document, found.items ?? {})}`;
  if (schema.$ref && (found.type === "object" || found.properties)) return nameOf(schema);
  const types = [found.type ?? "anything"].flat().join(" or ");
  return `${types}${boundWords(found)}`;
}

function boundWords(schema) {
  const low = schema.minimum ?? schema.exclusiveMinimum ?? null;
  const high = schema.maximum ?? schema.exclusiveMaximum ?? null;
  if (low !== null && high !== null) return `, ${low} to ${high}`;
  if (low !== null) return `, from ${low}`;
  if (high !== null) return `, up to ${high}`;
  if (schema.maxLength !== undefined) return `, up to ${schema.maxLength} characters`;
  return "";
}

/** A value that fits: the first example, the default, else one made from the type. */
export function exampleOf(document, schema, depth = 0) {
  const found = resolve(document, schema);
  if (found.examples?.length) return found.examples[0];
  if (found.default !== undefined && found.default !== null) return found.default;
  if ("const" in found) return found.const;
  if (found.enum) return found.enum[0];
  const choices = choicesOf(found);
  if (choices) return found.default === null ? null : exampleOf(document, choices.find((one) => !isNull(one)) ?? {}, depth);
  if (depth > DEEPEST) return null;
  switch ([found.type].flat()[0]) {
    case "object":
      return Object.fromEntries(
        Object.entries(found.properties ?? {}).map(([name, one]) => [name, exampleOf(document, named(name, one), depth + 1)]),
      );
    case "array":
      return [exampleOf(document, found.items ?? {}, depth + 1)];
    case "integer":
    case "number":
      return found.minimum ?? 0;
    case "boolean":
      return false;
    case "string":
      return "";
    default:
      return null;
  }
}

/** Times and lengths are named so everywhere: an example of them says more than 0. */
function named(name, schema) {
  if (schema.examples || schema.default !== undefined || schema.type !== "integer") return schema;
  if (/_at$|^now$|^since$|^until$/.test(name)) return { ...schema, examples: [1772359200000] };
  if (/_seconds$/.test(name)) return { ...schema, examples: [86400] };
  return schema;
}

/** The fields of a schema as a list, those of inner objects under theirs; null where there are none. */
export function fieldsOf(document, schema, depth = 0, seen = []) {
  const found = inner(document, schema);
  const properties = Object.entries(found.properties ?? {});
  if (!properties.length || depth > DEEPEST || seen.includes(found)) return null;
  const required = new Set(found.required ?? []);
  const list = el("ul", depth ? "fields fields-inner" : "fields");
  for (const [name, one] of properties) {
    const words = [el("code", "field-name", name), el("span", "field-type", typeWords(document, one))];
    if (!required.has(name)) words.push(el("span", "field-optional", "optional"));
    const what = one.description ?? resolve(document, one).description;
    list.append(
      el("li", "", el("div", "field-line", ...words), what ? el("p", "field-what", ...marked(what)) : null, fieldsOf(document, one, depth + 1, [...seen, found])),
    );
  }
  return list;
}

/** The object inside of a list or of "this or null". */
function inner(document, schema) {
  const found = resolve(document, schema);
  const choice = choicesOf(found)?.find((one) => !isNull(one));
  if (choice) return inner(document, choice);
  return found.type === "array" ? inner(document, found.items ?? {}) : found;
}
