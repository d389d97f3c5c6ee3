"""Records that were built once are not built again while their documents stay the same.

Nothing is answered from memory: the document is read from the store each time, and only if it equals the one that the
record was made of, the record stands. So it does not matter who has written meanwhile, another process of a fleet
included. Comparing two documents costs a small part of what building the records of a long one does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from storage.contracts import Document

R = TypeVar("R")


class Remembered(Generic[R]):
    """`read` makes a record, which nobody may change, of a document. At most `most` of them are kept, those that were
    asked for last. May be used by several threads."""

    def __init__(self, read: Callable[[Document], R], *, most: int) -> None:
        self._read, self._most = read, most
        self._known: OrderedDict[str, tuple[Document, R]] = OrderedDict()

    def of(self, document: Document) -> R:
        """The record of a document, which is not to be changed any more. Raises what `read` raises."""
        id_ = document["_id"]
        known = self._known.get(id_)
        if known is not None and known[0] == document:
            return known[1]
        record = self._read(document)
        self._known[id_] = (document, record)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return record

    def forget(self, id_: str) -> None:
        """Keep nothing of a document."""
        self._known.pop(id_, None)
