"""What waits to be sent to the other processes: joined where it is the same, bounded where it is much. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

TEXTS = 200  # per name; beyond, "look at everything" is said once instead of each text
TEXT_CHARACTERS = 500
BATCH_CHARACTERS = 60_000

Signal = tuple[str, str]


class Outbox:
    """Signals in the order in which they were first put in. The names are those of the program, so they are few.

    A name with too many texts, or with one that is too long, is left with the one text "": it tells the listener
    to look at everything, so nothing is lost by it.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, None]] = {}

    def put(self, name: str, text: str) -> None:
        """Join it to what waits."""
        texts = self._waiting.setdefault(name, {})
        if "" in texts:
            return
        if text == "" or len(texts) >= TEXTS or len(text) > TEXT_CHARACTERS:
            texts.clear()
            text = ""
        texts[text] = None

    def take(self) -> list[Signal]:
        """Up to `BATCH_CHARACTERS` of what waits, taken out. Empty when nothing does."""
        batch: list[Signal] = []
        characters = 0
        for name, texts in list(self._waiting.items()):
            for text in list(texts):
                characters += len(name) + len(text)
                if batch and characters > BATCH_CHARACTERS:
                    return batch
                batch.append((name, text))
                del texts[text]
            del self._waiting[name]
        return batch

    def put_back(self, batch: list[Signal]) -> None:
        """What could not be sent waits again."""
        for name, text in batch:
            self.put(name, text)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


@dataclass(frozen=True, slots=True)
class Message:
    """One message on the wire: who sends it, and its signals. One without signals is a sign of life to oneself."""

    owner: str
    signals: tuple[Signal, ...] = ()

    def encode(self) -> str:
        return json.dumps({"owner": self.owner, "signals": self.signals}, separators=(",", ":"))


def decode(data: object) -> Message | None:
    """A message of this version of the program; none for anything else. A later one may add fields."""
    try:
        body = json.loads(data) if isinstance(data, bytes) else None
        owner, signals = body["owner"], body["signals"]  # type: ignore[index]
        pairs = tuple((name, text) for name, text in signals)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(owner, str) or not all(isinstance(word, str) for pair in pairs for word in pair):
        return None
    return Message(owner, pairs)
