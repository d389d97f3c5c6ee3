// Asking the server: JSON in and out, the channel, the CSRF token, and problems as errors that say what to do.
import { say } from "./words.js";

const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const TRIES = 3;
const LONGEST_WAIT_MS = 5_000;
const POLL_MS = 700;
const LONGEST_OPERATION_MS = 120_000;
/** "title: too long. cost: must be positive." names fields, which are shown beside them. */
const FAULT = /(?:^|\. )([a-z_][a-z0-9_.]*): (.+?)(?=\. [a-z_][a-z0-9_.]*: |\.?$)/g;

/** What the server said no with. `code` is stable; `retryAfter` in seconds or 0. Status 0: nobody answered. */
export class ApiError extends Error {
  constructor({ status, code, detail, advice = "", retryAfter = 0, requestId = "" }) {
    super(detail);
    Object.assign(this, { name: "ApiError", status, code, detail, advice, retryAfter, requestId });
  }

  /** Sentences by name of field, where the problem names fields. */
  get fields() {
    if (this.code !== "web.body") return {};
    return Object.fromEntries([...this.detail.matchAll(FAULT)].map(([, name, words]) => [name, `${words.replace(/\.$/, "")}.`]));
  }
}

/** 128 random bits; crypto.randomUUID is missing where a page came by http from another machine. */
export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
}

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });

async function problemOf(answer) {
  let told = {};
  try {
    told = await answer.json();
  } catch {
    told = {}; // not ours: a proxy's page
  }
  return new ApiError({
    status: answer.status,
    code: String(told.code ?? `http.${answer.status}`),
    detail: String(told.detail ?? say("api_status", { status: answer.status })),
    advice: String(told.advice ?? ""),
    retryAfter: Number(answer.headers.get("Retry-After")) || 0,
    requestId: String(told.request_id ?? ""),
  });
}

/** @param {{channelId: () => string, signedOut: () => void}} parts `signedOut` hears that the session is over. */
export function apiClient({ channelId, signedOut }) {
  let token = null;

  async function csrf() {
    token ??= raw("GET", "/api/auth/csrf", {}).then((told) => told.token);
    try {
      return await token;
    } catch (error) {
      token = null;
      throw error;
    }
  }

  async function raw(method, path, { body, headers = {}, signal, keepalive = false }) {
    const given = { Accept: "application/json", ...headers };
    if (body !== undefined) given["Content-Type"] = "application/json";
    let answer = null;
    try {
      answer = await fetch(path, {
        method, headers: given, signal, keepalive, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError({ status: 0, code: "page.unreachable", detail: say("unreachable_short"), advice: say("unreachable_advice") });
    }
    if (!answer.ok) throw await problemOf(answer);
    if (answer.status === 204) return null;
    const kind = answer.headers.get("Content-Type") ?? "";
    return kind.includes("json") ? answer.json() : answer.text();
  }

  /** One request; see web/static/README.md. `anonymous` sends no token, for routes that need no session. */
  async function api(method, path, { query = {}, body, signal, key = randomKey(), keepalive = false, anonymous = false } = {}) {
    const asked = new URLSearchParams();
    if (channelId() && !path.startsWith("/api/auth/")) asked.set("channel", channelId());
    for (const [name, value] of Object.entries(query)) {
      if (value !== "" && value !== null && value !== undefined) asked.set(name, String(value));
    }
    const text = asked.toString();
    const url = text ? `${path}?${text}` : path;
    const writes = WRITES.has(method);
    let renewed = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const headers = writes && !anonymous ? { "X-CSRF-Token": await csrf(), "Idempotency-Key": key } : {};
        return await raw(method, url, { body, headers, signal, keepalive });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 403 && error.code.startsWith("csrf") && writes && !renewed) {
          renewed = true;
          token = null;
          continue;
        }
        if (error.status === 401 && error.code !== "auth.credentials" && !anonymous) signedOut();
        if (method !== "GET" || error.status !== 503 || attempt >= TRIES) throw error;
        await pause(Math.min(LONGEST_WAIT_MS, (error.retryAfter || attempt) * 1000), signal);
      }
    }
  }

  /** Wait for what a 202 began: an answer with `operation` (an id or {id}). Gives {id, state, result, detail}. */
  async function settle(answer, { signal } = {}) {
    const id = answer?.operation?.id ?? answer?.operation ?? answer?.id;
    if (!id) return { id: "", state: "done", result: answer?.result ?? "", detail: answer?.detail ?? "" };
    const until = Date.now() + LONGEST_OPERATION_MS;
    for (;;) {
      const told = await api("GET", `/api/operations/${encodeURIComponent(id)}`, { signal });
      if (told.state !== "pending") return told;
      if (Date.now() > until) throw new ApiError({ status: 0, code: "page.slow", detail: say("slow_short"), advice: say("slow_advice") });
      await pause(POLL_MS, signal);
    }
  }

  /** The same for a write that may be pending: throws an ApiError if it came to nothing in the end. */
  async function finished(answer) {
    if (answer?.result !== "pending") return answer;
    const told = await settle(answer);
    if (told.state === "failed" || told.result === "refused") {
      throw new ApiError({ status: 409, code: told.code ?? "", detail: told.detail || say("broken_text"), advice: told.advice });
    }
    return { ...answer, result: told.result };
  }

  return { api, settle, finished, forgetToken: () => { token = null; } };
}
