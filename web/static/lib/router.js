// Which page is shown. Links stay links (middle click, copy address); plain clicks on them are answered here.
import { el, on, set } from "./dom.js";
import { broken, skeleton } from "./parts.js";
import { routeOf } from "./routes.js";
import { heard } from "./dialogs.js";
import { scope, translated, say } from "./words.js";

/** A load that is quicker shows no skeleton: it would only flicker. */
const PATIENCE_MS = 150;
const STYLE_MS = 3_000;

const styles = new Map();

/** Fetch a stylesheet once; a page without one is still a page. */
function styled(name) {
  if (!styles.has(name)) {
    const sheet = el("link");
    sheet.rel = "stylesheet";
    styles.set(name, new Promise((resolve) => {
      sheet.onload = resolve;
      sheet.onerror = resolve;
      setTimeout(resolve, STYLE_MS);
      sheet.href = new URL(`../pages/${name}.css`, import.meta.url).pathname;
    }));
    document.head.append(sheet);
  }
  return styles.get(name);
}

/**
 * @param {{main: HTMLElement, contextOf: (parts) => object, onRoute: (route) => void, titleOf: (heading) => string}} parts
 * `contextOf` makes the ctx of a page from {words, route, query, signal, ends, reload}.
 */
export function router({ main, contextOf, onRoute, titleOf }) {
  let shown = null; // {route, abort, ends, face}
  let turn = 0;
  let place = { key: "", index: history.state?.index ?? 0 };
  let silent = false; // a step back that we made ourselves

  history.scrollRestoration = "manual";

  const spots = {
    keep() {
      try {
        sessionStorage.setItem(`scroll.${place.key}`, String(Math.round(scrollY)));
      } catch {
        return; // storage is blocked: pages begin at their top
      }
    },
    of(key) {
      try {
        return Number(sessionStorage.getItem(`scroll.${key}`)) || 0;
      } catch {
        return 0;
      }
    },
  };

  function stamp(replace, href) {
    const index = replace ? place.index : place.index + 1;
    place = { key: Math.random().toString(36).slice(2), index };
    history[replace ? "replaceState" : "pushState"](place, "", href);
  }

  function leave() {
    if (!shown) return;
    shown.abort.abort();
    for (const end of shown.ends) end();
    shown.face?.leave?.();
    shown = null;
  }

  /** The frame of a page: heading, sentence, tools, body. */
  function frame(page, ctx) {
    const h1 = set(el("h1", "", page.heading(ctx)), { tabindex: "-1" });
    const intro = el("p", "page-intro");
    const told = page.intro?.(ctx);
    intro.append(told ?? "");
    intro.hidden = !told;
    const tools = el("div", "page-tools");
    const body = el("div", "page-body");
    const head = el("header", "page-head", el("div", "page-words", h1, intro), tools);
    return { node: el("div", `page page-${ctx.route.name}`, head, body), h1, tools, body };
  }

  async function show(route, { focus, scroll }) {
    const mine = ++turn;
    leave();
    const abort = new AbortController();
    const self = { route, abort, ends: [], face: null };
    shown = self;
    onRoute(route);
    let page = null;
    try {
      page = (await route.module()).default;
      await Promise.all([translated(), ...(page.styles ?? [route.name]).map(styled)]);
    } catch (error) {
      if (mine !== turn) return;
      main.replaceChildren(broken({ error: { detail: say("page_missing"), advice: say("page_missing_advice") }, again: () => location.reload() }));
      console.warn(error);
      return;
    }
    if (mine !== turn) return;
    const words = scope(route.name, page.words);
    await translated();
    if (mine !== turn) return;
    const query = new URLSearchParams(location.search);
    const ctx = contextOf({ words, route, query, signal: abort.signal, ends: self.ends, reload: () => fill(false) });
    const parts = frame(page, ctx);
    ctx.title = (heading) => {
      const title = titleOf(heading);
      if (document.title !== title) document.title = title;
    };
    ctx.title(page.heading(ctx));
    main.replaceChildren(parts.node);
    if (focus) parts.h1.focus({ preventScroll: true });
    scrollTo(0, 0);

    let run = 0;
    async function fill(first) {
      const now = ++run;
      const still = () => mine === turn && now === run;
      const bones = setTimeout(() => {
        if (first && still()) parts.body.replaceChildren(page.skeleton?.(ctx) ?? skeleton("rows", 6));
      }, PATIENCE_MS);
      try {
        const data = page.load ? await page.load(ctx) : undefined;
        if (!still()) return;
        self.face?.leave?.();
        // What the last filling heard of the world ends with it.
        for (const end of self.ends.splice(0)) end();
        const face = page.show(ctx, data);
        self.face = face instanceof Node ? { node: face } : face;
        parts.tools.replaceChildren(...(page.tools?.(ctx, data) ?? []).filter(Boolean));
        parts.body.replaceChildren(self.face.node);
      } catch (error) {
        if (!still() || error.name === "AbortError") return;
        self.face = null;
        parts.body.replaceChildren(broken({ error, again: () => fill(true) }));
        if (!("code" in error)) console.error(error);
      } finally {
        clearTimeout(bones);
      }
    }
    await fill(true);
    if (mine !== turn) return;
    main.dataset.page = route.name;
    if (scroll) scrollTo(0, scroll);
    if (focus) heard(page.heading(ctx));
  }

  const free = async () => (shown?.face?.mayLeave ? shown.face.mayLeave() : true);

  async function go(href, { replace = false } = {}) {
    const url = new URL(href, location.href);
    const route = routeOf(url.pathname);
    if (url.origin !== location.origin || !route) {
      location.assign(url);
      return;
    }
    if (!(await free())) return;
    spots.keep();
    stamp(replace, url.pathname + url.search + url.hash);
    await show(route, { focus: true, scroll: 0 });
  }

  on(document, "click", (event) => {
    const a = event.target.closest?.("a[href]");
    if (!a || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (a.target || a.hasAttribute("download") || a.origin !== location.origin || !routeOf(a.pathname)) return;
    if (a.hash && a.pathname === location.pathname && a.search === location.search) return; // within the page
    event.preventDefault();
    go(a.href);
  });

  on(window, "popstate", async (event) => {
    if (silent) {
      silent = false;
      return;
    }
    const route = routeOf(location.pathname);
    if (!route || event.state === null) return; // a place within the page
    const to = event.state;
    if (!(await free())) {
      silent = true;
      history.go(place.index - (to.index ?? 0));
      return;
    }
    spots.keep();
    place = { key: to.key ?? "", index: to.index ?? 0 };
    await show(route, { focus: true, scroll: spots.of(place.key) });
  });

  return {
    go,
    /** Show the page of the present address. */
    start() {
      const kept = history.state;
      if (kept?.key) place = { key: kept.key, index: kept.index ?? 0 };
      else stamp(true, location.href);
      return show(routeOf(location.pathname) ?? routeOf("/"), { focus: false, scroll: kept?.key ? spots.of(kept.key) : 0 });
    },
    /** Show the page again, all of it (another channel). */
    again: () => show(routeOf(location.pathname) ?? routeOf("/"), { focus: false, scroll: 0 }),
    /** Show nothing of a page: a face of the whole shell stands in its place. */
    clear() {
      turn += 1;
      leave();
    },
    free,
    replaceQuery(query) {
      const text = query.toString();
      history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : ""));
    },
    keep: spots.keep,
  };
}
