"""One viewer's side of the protocol of `docs/protocol.md`, without I/O: text in, text out.

    talk = Conversation(hello={"invite": "v1…", "roomId": "mint-owl-42"}, begin="party:join", with_data={…}, …)
    for text in talk.opened(): …            # a new socket is there
    message = talk.receive(text)            # None: nothing to act upon; then send what `talk.out` holds
    seconds = talk.closed(code)             # until the next try; None: stay away

It keeps what the rest rests on: ids and their answers, the chain of the messages that must be kept, the token with
which it comes back, and when it may. What was sent and not answered before a connection was lost is sent again with
the same ids; the server does it once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS = 0.5, 15.0
STAY_AWAY = 4500
"""From this close code on."""

MOST_UNANSWERED = 64
WELCOMES = frozenset({"party:create", "party:join", "party:resume", "party:sync"})


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the server. `is_welcome`: the room begins here, or goes on here."""

    type: str
    data: Mapping[str, Any]
    re: str = ""
    seq: int | None = None
    after: int | None = None
    rev: int | None = None
    is_welcome: bool = False


@dataclass(slots=True)
class Tally:
    """What became of the promises: `kept` messages came once and in order; `doubles` came twice, `holes` were found
    (each is a resume), `resets` were told, `resumes` went well. `errors` by code, `closes` by close code."""

    kept: int = 0
    doubles: int = 0
    holes: int = 0
    resets: int = 0
    resumes: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    closes: Counter[int] = field(default_factory=Counter)


class Conversation:
    """`hello` is the credential (the data of `party:hello`; None if the address holds one), `begin` and `with_data` how
    the room is entered, `chance` gives 0 to 1. `name` begins the ids, which have to differ between the conversations of
    one member."""

    def __init__(
        self,
        *,
        hello: Mapping[str, Any] | None,
        begin: str,
        with_data: Mapping[str, Any],
        chance: Callable[[], float],
        name: str = "c",
    ) -> None:
        self.tally = Tally()
        self.out: list[str] = []
        self.room_id = str(with_data.get("roomId", ""))
        self.member_id = self.epoch = ""
        self.is_in = False
        self.is_host = False
        self.is_lost = False
        self.refused = ""
        self._hello, self._begin, self._with = hello, begin, dict(with_data)
        self._chance, self._name = chance, name
        self._ids = 0
        self._kept: int | None = None
        self._resume_token = ""
        self._entering = ""
        self._unanswered: dict[str, str] = {}
        self._tries = 0
        self._retry_seconds: float | None = None
        self._stays_away = False

    def opened(self) -> list[str]:
        """A socket is open: what to send first."""
        self.is_in, self.is_lost, self.out = False, False, []
        if self._resume_token:
            # Kept until the answer brings another one: should that be lost, the same is good once more.
            data = {"resumeToken": self._resume_token, "epoch": self.epoch, "lastSeq": self._kept}
            self._enter("party:resume", data)
        elif self._hello is None:
            self._enter(self._begin, self._with)
        else:
            self._enter("party:hello", self._hello)
        return self.said()

    def enter_room(self, room_id: str) -> None:
        """The room to go to, before the first socket is open."""
        self.room_id = self._with["roomId"] = room_id

    def said(self) -> list[str]:
        """What is to be sent now; it is handed out once."""
        said, self.out = self.out, []
        return said

    def command(self, type: str, data: Mapping[str, Any] | None = None) -> str:
        """Ask for something that is answered; its id. Until the room is entered it waits."""
        name, text = self._text(type, data)
        if len(self._unanswered) < MOST_UNANSWERED:
            self._unanswered[name] = text
        if self.is_in:
            self.out.append(text)
        return name

    def tell(self, type: str, data: Mapping[str, Any]) -> None:
        """Say something that is worth nothing later: a probe, a report. Without id, so without answer."""
        if self.is_in:
            self.out.append(json.dumps({"type": type, "data": data}))

    def receive(self, text: str) -> Heard | None:
        """A message has come in. None for what is not for the room: doubles, and messages after a hole."""
        raw = json.loads(text)
        data = raw.get("data") or {}
        heard = Heard(
            raw["type"],
            data,
            raw.get("re", ""),
            raw.get("seq"),
            raw.get("after"),
            raw.get("rev"),
            raw["type"] in WELCOMES and "resumeToken" in data,
        )
        if "isHost" in data and self.is_in:
            self.is_host = data["isHost"]
        if heard.is_welcome:
            self._welcomed(heard)
        elif heard.after is not None and not self._is_next(heard):
            return None
        self._unanswered.pop(heard.re, None)
        if heard.type in HANDLERS:
            HANDLERS[heard.type](self, heard)
        return heard

    def closed(self, code: int) -> float | None:
        """The socket is gone: seconds until the next try, None to stay away. Full jitter, but for what the server
        asked for."""
        self.tally.closes[code] += 1
        self.is_in = False
        asked, self._retry_seconds = self._retry_seconds, None
        if self._stays_away or self.refused or code >= STAY_AWAY:
            return None
        if asked is not None:
            return asked
        wait = min(BACK_OFF_SECONDS * 2.0**self._tries, LONGEST_BACK_OFF_SECONDS)
        self._tries += 1
        return wait * self._chance()

    # -- inside ------------------------------------------------------------------------------------------------

    def _text(self, type: str, data: Mapping[str, Any] | None) -> tuple[str, str]:
        self._ids += 1
        name = f"{self._name}-{self._ids}"
        return name, json.dumps({"type": type, "id": name, "data": dict(data or {})}, ensure_ascii=False)

    def _enter(self, type: str, data: Mapping[str, Any]) -> None:
        self._entering, text = self._text(type, data)
        self.out.append(text)

    def _welcomed(self, heard: Heard) -> None:
        data = heard.data
        if heard.type == "party:resume":
            self.tally.resumes += 1
        else:
            self._kept, self.epoch = data["kept"], data["epoch"]
            if heard.type == "party:sync":
                self.tally.resets += 1
        self._resume_token = data["resumeToken"]
        self.room_id, self.member_id = data["roomId"], data["self"]
        self.is_host = data["isHost"]
        self._begin, self._with = "party:join", {**self._with, "roomId": self.room_id}
        for gone in ("settings", "channel"):
            self._with.pop(gone, None)
        self._entering, self._tries = "", 0
        if not self.is_in:
            self.is_in = True
            self.out += self._unanswered.values()

    def _is_next(self, heard: Heard) -> bool:
        """Whether a message that must be kept follows the last one."""
        assert heard.seq is not None
        if self._kept is None or heard.after == self._kept:
            self._kept = heard.seq
            self.tally.kept += 1
            return True
        if heard.seq <= self._kept:
            self.tally.doubles += 1
        else:
            self._hole()
        return False

    def _hole(self) -> None:
        if not self.is_lost:
            self.tally.holes += 1
        self.is_lost = True
        self._retry_seconds = 0.0

    # -- messages ----------------------------------------------------------------------------------------------

    def _greeted(self, heard: Heard) -> None:
        self._enter(self._begin, self._with)

    def _pinged(self, heard: Heard) -> None:
        self.out.append('{"type": "party:pong"}')
        if self.is_in and (heard.data["epoch"], heard.data["kept"]) != (self.epoch, self._kept):
            self._hole()

    def _failed(self, heard: Heard) -> None:
        code = heard.data["code"]
        self.tally.errors[code] += 1
        if heard.re != self._entering:
            return
        if heard.data.get("retryable"):
            self.is_lost, self._retry_seconds = True, heard.data.get("retryAfterMs", 0) / 1000 or None
        elif self._kept is not None and not self.is_in:
            self._kept, self._resume_token = None, ""  # the way back is closed: come in anew
            self._enter("party:hello", self._hello) if self._hello else self._enter(self._begin, self._with)
        else:
            self.refused, self.is_lost = code, True

    def _dismissed(self, heard: Heard) -> None:
        self._retry_seconds = heard.data["retryAfterMs"] / 1000
        self._stays_away = heard.data["code"] >= STAY_AWAY


HANDLERS: Mapping[str, Callable[[Conversation, Heard], None]] = {
    "party:hello": Conversation._greeted,
    "party:ping": Conversation._pinged,
    "party:error": Conversation._failed,
    "party:bye": Conversation._dismissed,
}
