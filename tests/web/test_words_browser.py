"""The catalogues of the pages: what is translated has the keys and the places of the English table."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Browser, expect

from tests.web.browser import BROWSER, Seen, new_page
from tests.web.stage import Stage, deed, vip
from web.pages import STATIC

pytestmark = BROWSER

LANGUAGES = ("es", "fr", "pt", "de")
WORDS = STATIC / "words"
PLACE = re.compile(r"\{(\w+)\}")


async def tables(seen: Seen) -> dict[str, Any]:
    """All tables, as the browser reads them: "es/shell" to its words; "es" to the names that are listed."""
    names = [path.relative_to(WORDS).with_suffix("").as_posix() for path in WORDS.rglob("*.js")]
    told: dict[str, Any] = await seen.page.evaluate(
        """async (names) => Object.fromEntries(await Promise.all(names.map(async (name) => {
            const table = (await import(`/static/words/${name}.js`)).default;
            return [name, name.includes("/") ? table : Object.keys(table)];
        })))""",
        names,
    )
    return told


def places(words: Any) -> list[set[str]]:
    forms = [words] if isinstance(words, str) else list(words.values())
    return [set(PLACE.findall(form)) - {"n"} for form in forms]


async def test_translations_say_the_same(seen: Seen, stage: Stage) -> None:
    await seen.page.goto(f"{stage.origin}/static/error.html")
    every = await tables(seen)
    english = {name.removeprefix("en/"): words for name, words in every.items() if name.startswith("en/")}
    for language in LANGUAGES:
        files = {path.stem for path in WORDS.glob(f"{language}/*.js")}
        assert set(every[language]) == files, language
        assert files <= set(english), language
        for name in sorted(files):
            told = every[f"{language}/{name}"]
            assert set(told) == set(english[name]), (language, name)
            for key, words in told.items():
                here = f"{language}/{name}: {key}"
                assert type(words) is type(english[name][key]), here
                if not isinstance(words, str):
                    assert "other" in words, here
                wanted = places(english[name][key])
                assert all(given in wanted for given in places(words)), here


async def test_the_pages_speak_the_language(chromium: Browser, stage: Stage) -> None:
    stage.vips, stage.deeds = (
        [vip("a", "ann", left=7200, total=9000)],
        [deed("1", "vip.ended", reason="expired")],
    )
    for locale, heading, sentence in (
        ("de-DE", "Wer gerade VIP ist", "Die Zeit von ann ist um. Wir haben VIP zurückgenommen."),
        ("pt-BR", "Quem é VIP agora", "O tempo de ann acabou. Retiramos o VIP."),
        ("ja-JP", "Who is VIP now", "ann’s time is up. We took the VIP back."),
    ):
        seen = await new_page(chromium, locale=locale)
        await seen.page.goto(stage.origin)
        await expect(seen.page.get_by_role("heading", level=1)).to_have_text(heading)
        await expect(seen.page.locator(".deed p")).to_have_text(sentence)
        for width in (1280, 390):
            await seen.page.set_viewport_size({"width": width, "height": 844})
            assert await seen.page.evaluate("document.documentElement.scrollWidth") <= width, (locale, width)
            untold = (
                "[...document.querySelectorAll('[data-word]')].filter(n => n.textContent === n.dataset.word)"
            )
            assert await seen.page.evaluate(f"{untold}.length") == 0
        assert seen.wrong == []
        await seen.context.close()
