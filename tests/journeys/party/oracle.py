"""What a viewer may rely on, judged from the text on his socket alone. Pure; it shares nothing with our clients.

Of each viewer: what must be kept came in the order of the log, each message named the one before, the film never went
back, and where something is missing the server said so (a welcome, or a reset). Of all together: nobody lacks a message
that another one got from the same stretch of the log, and every chat message that was acknowledged is there once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HISTORY = 100
"""So much chat a welcome holds."""

SURELY_THERE = 60
"""So many of the latest messages are in every history, whatever was said at the same time without an answer."""


@dataclass(slots=True)
class Stretch:
    """What came between a welcome and the next one. `kept` of it, and the kept messages since: seq → (after, type)."""

    epoch: str
    start: int
    kept: int
    messages: dict[int, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A chat message that its sender was told is in the log, at `seq` of the log he knew then; `at` in seconds."""

    text: str
    epoch: str
    seq: int
    at: float


class Record:
    """What one viewer heard. `chat`: what he sees of it, in order; `heard_at`: when a message came first (s)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[str] = []
        self.resets: list[str] = []
        self.stretches: list[Stretch] = []
        self.chat: list[str] = []
        self.heard_at: dict[str, float] = {}
        self.acknowledged: list[Acknowledged] = []
        self.refused: Counter[str] = Counter()
        self.byes: list[int] = []
        self.types: Counter[str] = Counter()
        self.resumes = 0
        self.state: Mapping[str, Any] = {}
        self.people: Mapping[str, Any] = {}
        self._said: dict[str, str] = {}
        self._rev = -1

    @property
    def stretch(self) -> Stretch:
        """The one that we are in."""
        return self.stretches[-1]

    def said(self, id: str, text: str) -> None:
        """A chat message was sent, under this id."""
        self._said[id] = text

    def hear(self, text: str, now: float) -> None:
        """One message of the server, as it came off the socket at `now` (s)."""
        message = json.loads(text)
        kind, data = message["type"], message["data"]
        self.types[kind] += 1
        if "resumeToken" in data:
            self._welcomed(kind, data)
        elif "after" in message:
            self._kept(kind, message["seq"], message["after"])
        elif kind == "party:ping" and self.stretches:
            here = self.stretch
            if (data["epoch"], data["kept"]) != (here.epoch, here.kept):
                self._fault(f"a ping says {data['epoch']}-{data['kept']}, we have {here.epoch}-{here.kept}")
        if "state" in data and "rev" in message:
            self._film(message["rev"], data["state"])
        if "members" in data and "here" in data:
            self.people = data
        if kind == "party:chat":
            self.chat.append(data["message"])
            self.heard_at.setdefault(data["message"], now)
        elif kind == "party:error":
            self.refused[data["code"]] += 1
        elif kind == "party:bye":
            self.byes.append(data["code"])
        elif kind == "party:ok" and message["re"] in self._said:
            self.acknowledged.append(
                Acknowledged(self._said.pop(message["re"]), self.stretch.epoch, message["seq"], now)
            )

    def _welcomed(self, type: str, data: Mapping[str, Any]) -> None:
        self._rev, self.state = data["state"]["rev"], data["state"]
        if type == "party:resume":
            self.resumes += 1
            here = self.stretch
            if (data["epoch"], data["kept"]) != (here.epoch, here.kept):
                self._fault(f"resumed at {data['epoch']}-{data['kept']}, we have {here.epoch}-{here.kept}")
            return
        if self.stretches:
            self.resets.append(data.get("why", type))
        self.stretches.append(Stretch(data["epoch"], data["kept"], data["kept"]))
        self.chat = [line["message"] for line in data["history"] if not line["isDeleted"]]

    def _kept(self, type: str, seq: int, after: int) -> None:
        here = self.stretch
        if after != here.kept or seq <= after:
            self._fault(f"{type} {seq} comes after {after}, we have {here.kept}")
        here.messages[seq] = (after, type)
        here.kept = seq

    def _film(self, rev: int, state: Mapping[str, Any]) -> None:
        if rev < self._rev:
            self._fault(f"the film went back from rev {self._rev} to {rev}")
        self._rev, self.state = rev, state

    def _fault(self, what: str) -> None:
        self.faults.append(f"{self.name}: {what}")


def judge(records: Iterable[Record], truths: Sequence[Sequence[str]]) -> list[str]:
    """Everything that is wrong. `records`: of all who are in the room now; `truths`: its chat as it is told to somebody
    who comes in at last, at each process."""
    everybody = list(records)
    wrong = [fault for one in everybody for fault in one.faults]
    if any(list(one) != list(truths[0]) for one in truths):
        wrong.append(f"the processes have different histories: {[_short(one) for one in truths]}")
    truth = list(truths[0])
    now = {record.stretch.epoch for record in everybody}
    acknowledged = sorted(
        (one for record in everybody for one in record.acknowledged),
        # In the order of the log: who lost his connection hears of his message late.
        key=lambda one: (one.epoch in now, one.seq if one.epoch in now else one.at),
    )
    missing = {one.text for one in acknowledged[-SURELY_THERE:]} - set(truth)
    if missing:
        wrong.append(f"acknowledged, and not in the room: {_short(sorted(missing))}")
    log = _log(everybody, wrong)
    for record in everybody:
        wrong += _seen(record, truth, acknowledged, log)
    return wrong


Log = dict[str, dict[int, tuple[int, str]]]


def _log(everybody: Sequence[Record], wrong: list[str]) -> Log:
    """What was told of each epoch, by anybody."""
    log: Log = {}
    for record in everybody:
        for stretch in record.stretches:
            told = log.setdefault(stretch.epoch, {})
            for seq, message in stretch.messages.items():
                if told.setdefault(seq, message) != message:
                    wrong.append(f"{record.name}: {seq} is {message}, for others {told[seq]}")
    return log


def _seen(record: Record, truth: Sequence[str], acknowledged: Sequence[Acknowledged], log: Log) -> list[str]:
    wrong = []
    for stretch in record.stretches:
        lacks = [
            seq
            for seq in log[stretch.epoch]
            if stretch.start < seq <= stretch.kept and seq not in stretch.messages
        ]
        if lacks:
            wrong.append(f"{record.name}: never heard {lacks[:5]} of {stretch.epoch}")
    twice = [text for text, times in Counter(record.chat).items() if times > 1]
    if twice:
        wrong.append(f"{record.name}: sees twice {_short(twice)}")
    if record.chat[-len(truth) :] != list(truth):
        wrong.append(f"{record.name}: sees {_short(record.chat[-5:])}, the room has {_short(truth[-5:])}")
    here, has = record.stretch, set(record.chat)
    lost = [
        one.text
        for one in acknowledged
        if one.text not in has and one.epoch == here.epoch and one.seq > here.start
    ]
    if lost:
        wrong.append(f"{record.name}: was never told {_short(lost)}")
    return wrong


def _short(texts: Iterable[str]) -> list[str]:
    return [text[:24] for text in texts][:5]
