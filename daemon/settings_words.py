"""The words of the rules for settings: one mistake, all mistakes, and lists by commas."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import Rejected

ROLES = ("web", "eventsub", "worker")
PRODUCTS = ("vip", "party")
OIDC_EXAMPLES = {
    "cron_oidc_audience": "https://vip.example.org/api/cron/remove-expired-vips",
    "cron_oidc_email": "cron@my-project.iam.gserviceaccount.com",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the variable, what is wrong (a clause), and a value that would be right or ""."""

    variable: str
    wrong: str
    example: str = ""

    def __str__(self) -> str:
        end = f" Example: {self.variable}={self.example}" if self.example else ""
        return f"{self.variable} {self.wrong}.{end}"


class SettingsInvalid(Rejected):
    """The settings cannot be used. `problems` lists all that is wrong; the message has one line for each."""

    code = "settings.invalid"

    def __init__(self, problems: list[Problem]) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(
            f"{len(problems)} of the settings cannot be used:\n{lines}",
            advice="Set them in the environment or in .env (see .env.example), then start again.",
        )
        self.problems = tuple(problems)


def listed(value: object) -> object:
    """`a, b` → `("a", "b")`; what is no text stays as it is."""
    if isinstance(value, str):
        return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
    return value
