"""The pages of id.twitch.tv that people see: who are you, and may this application do that."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simulators.twitch.world import User

SCOPE_WORDS: Mapping[str, str] = {
    "channel:manage:redemptions": "Manage your channel-point rewards and their redemptions",
    "channel:read:redemptions": "See your channel-point rewards and their redemptions",
    "channel:manage:vips": "Add and remove VIPs of your channel",
    "channel:read:vips": "See the VIPs of your channel",
    "channel:read:subscriptions": "See who subscribes to your channel",
    "channel:bot": "Let the application's bot account into your chat",
    "channel:manage:moderators": "Add and remove moderators of your channel",
    "channel:moderate": "See what moderators do in your channel",
    "moderation:read": "See moderators and bans of your channel",
    "moderator:read:followers": "See who follows your channel, and since when",
    "moderator:manage:chat_messages": "Delete messages in your chat",
    "moderator:manage:banned_users": "Ban and unban viewers",
    "bits:read": "See the bits that are used in your channel",
    "user:read:chat": "Read chat as you",
    "user:write:chat": "Write in chat as you",
    "user:bot": "Appear in chat as a bot",
    "user:read:email": "See your e-mail address",
    "openid": "Know who you are",
    "chat:read": "Read chat",
    "chat:edit": "Write in chat",
}

_STYLE = """
:root{color-scheme:light dark;--page:#f7f7f8;--card:#fff;--text:#0e0e10;--soft:#53535f;--line:#d8d8de;--accent:#772ce8;
--on-accent:#fff}
@media (prefers-color-scheme:dark){:root{--page:#0e0e10;--card:#18181b;--text:#efeff1;--soft:#adadb8;--line:#35353b;
--accent:#a970ff;--on-accent:#0e0e10}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--page);color:var(--text);
font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:30rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:2rem}
.mark{display:flex;align-items:center;gap:.5rem;color:var(--soft);font-size:.875rem;margin:0 0 1.25rem}
.mark b{background:var(--accent);color:var(--on-accent);border-radius:.25rem;padding:.1rem .45rem;font-weight:700}
h1{font-size:1.4rem;line-height:1.3;margin:0 0 .5rem}
p{margin:0 0 1rem;color:var(--soft)}
ul.scopes{list-style:none;margin:0 0 1.25rem;padding:0;border-top:1px solid var(--line)}
ul.scopes li{padding:.6rem 0;border-bottom:1px solid var(--line)}
ul.scopes code{display:block;color:var(--soft);font-size:.8rem}
fieldset{border:0;margin:0 0 1.25rem;padding:0}
legend,label.code{font-weight:600;padding:0;margin:0 0 .5rem;display:block}
.people{max-height:14rem;overflow:auto;border:1px solid var(--line);border-radius:.5rem}
.people label{display:flex;gap:.6rem;align-items:center;padding:.55rem .75rem;border-bottom:1px solid var(--line);
cursor:pointer;overflow-wrap:anywhere}
.people label:last-child{border-bottom:0}
.people small{color:var(--soft)}
input[type=radio]{accent-color:var(--accent)}
input[name=code]{font:inherit;width:100%;padding:.5rem .75rem;border:1px solid var(--line);border-radius:.5rem;
background:transparent;color:inherit;margin:0 0 1.25rem;letter-spacing:.1em}
.buttons{display:flex;gap:.75rem;justify-content:flex-end;flex-wrap:wrap}
button{font:inherit;font-weight:600;padding:.55rem 1.1rem;border-radius:.4rem;border:1px solid var(--line);
background:transparent;color:inherit;cursor:pointer}
button.yes{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}
button:focus-visible,input:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
"""
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<title>{title} · Simulated Twitch</title><style>{style}</style></head>
<body><main><p class="mark"><b>T</b> Simulated Twitch</p>{body}</main></body></html>"""


@dataclass(frozen=True)
class Asking:
    """What an application asks. `at` is the host that the answer goes to; `chosen` the account that is logged in."""

    application: str
    at: str
    scopes: Sequence[str]
    hidden: Mapping[str, str]
    chosen: str = ""


def consent_page(asking: Asking, people: Iterable[User]) -> str:
    """Who asks, for what, and the choice of an account: all or nothing, as on Twitch."""
    if asking.scopes:
        rows = "".join(
            f"<li>{_text(SCOPE_WORDS.get(scope, scope))}<code>{_text(scope)}</code></li>"
            for scope in asking.scopes
        )
        wants = f'<p>It asks for your permission to:</p><ul class="scopes">{rows}</ul>'
    else:
        wants = "<p>It asks for no permission: only who you are.</p>"
    body = (
        f"<h1>{_text(asking.application)} wants to access your account</h1>"
        f"<p>You will be sent to <strong>{_text(asking.at)}</strong>.</p>{wants}"
        + _form("/oauth2/authorize", asking.hidden, "", people, asking.chosen, "Authorize")
    )
    return _page("Authorize", body)


def device_page(code: str, people: Iterable[User]) -> str:
    """twitch.tv/activate: the code that a device shows."""
    field = (
        '<label class="code" for="code">Code</label>'
        f'<input id="code" name="code" value="{_text(code)}" autocomplete="off">'
    )
    body = "<h1>Activate your device</h1><p>Check the code, then say who you are.</p>" + _form(
        "/activate", {}, field, people, "", "Activate"
    )
    return _page("Activate", body)


def plain_page(title: str, text: str) -> str:
    return _page(title, f"<h1>{_text(title)}</h1><p>{_text(text)}</p>")


def _form(  # noqa: PLR0917 - two callers, right above
    action: str, hidden: Mapping[str, str], field: str, people: Iterable[User], chosen: str, yes: str
) -> str:
    kept = "".join(
        f'<input type="hidden" name="{_text(name)}" value="{_text(value)}">' for name, value in hidden.items()
    )
    choices = "".join(
        f'<label><input type="radio" name="user" value="{_text(user.id)}"{_checked(user, number, chosen)}>'
        f"<span>{_text(user.name)} <small>{_text(user.login)}</small></span></label>"
        for number, user in enumerate(people)
    )
    return (
        f'<form method="post" action="{action}">{kept}{field}<fieldset><legend>Account</legend>'
        f'<div class="people">{choices}</div></fieldset><div class="buttons">'
        f'<button name="deny" value="1">Cancel</button><button class="yes">{yes}</button></div></form>'
    )


def _checked(user: User, number: int, chosen: str) -> str:
    return " checked" if user.id == chosen or (not chosen and number == 0) else ""


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=_text(title), style=_STYLE, body=body)


def _text(text: str) -> str:
    return html.escape(text, quote=True)
