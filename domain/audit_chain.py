"""The audit trail as a chain that shows whether somebody altered it, and that lets what is personal be forgotten.

Each record has a random salt and a *commitment*: SHA-256 over the salt and the record's text in one canonical form.
*Blocks* link the commitments of a channel: the hash of a block covers its channel and number, its commitments and the
hash of the block before. So the newest hash stands for all that was ever written. Erasing drops text and salt of a
record. What stays is the commitment, which tells nothing without the salt, and the chain can be verified as before.

Canonical form, version 1 (`docs/privacy.md`): a commitment is SHA-256 over the salt, `cuelight-audit/1\n` and the
record as JSON (RFC 8259) with sorted keys, without blanks, in UTF-8; the hash of a block is SHA-256 over
`cuelight-block/1\n` and `[channel, n, hash before, [[commitment, at], …]]` in the same JSON. Both are written in
lower-case hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SALT_BYTES = 16
MOST_LINKS = 200
"""Records in one block."""

FIRST = "0" * 64
"""What the first block of a channel has in place of the hash of the block before."""

TEXT = ("id", "channel_id", "at", "action", "actor", "cause", "viewer", "reason", "detail")
"""What of a record is committed to: all that it says."""

_RECORD = b"cuelight-audit/1\n"
_BLOCK = b"cuelight-block/1\n"


@dataclass(frozen=True, slots=True)
class Link:
    """A record in its block. `at` (UTC ms) is the record's: by it the record is found, and one knows whether age has
    taken it away. `record_id` only helps to say which record is missing (the commitment covers it, the block does not);
    it is empty where the id names a person: a block is never changed."""

    commitment: str
    at: int
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """`n` counts from 1 in each channel; `at` (UTC ms) is when it was made, and not part of what it proves."""

    id: str
    channel_id: str
    n: int
    links: tuple[Link, ...]
    prev: str
    hash: str
    at: int
    v: int = 1


class Fault(StrEnum):
    """What a verification may find."""

    ALTERED = "altered"  # a record does not say what was committed to
    MISSING = "missing"  # a record is gone, and neither age nor erasure accounts for it
    UNNOTED = "erased_without_note"  # the text of a record is gone, and no record tells of an erasure
    TWICE = "twice"  # a record stands in two blocks
    STRAY = "in_no_block"  # a record is marked as linked, and is not
    BLOCK_ALTERED = "block_altered"  # the hash of a block does not fit what it holds
    BLOCK_MISSING = "block_missing"  # a block is gone, or another one was put in its place


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: where (the number of the block), in which record ("": a whole block, or nobody knows the id), and when
    that record was written (UTC ms, 0: unknown)."""

    fault: Fault
    n: int
    record_id: str = ""
    at: int = 0


def commitment(salt: bytes, record: Mapping[str, Any]) -> str:
    """What a record is committed to by. `record` as it is stored, with plain values; other keys do not count."""
    text = {name: record[name] for name in TEXT if name in record}
    return hashlib.sha256(salt + _RECORD + _canonical(text)).hexdigest()


def fits(claimed: str, salt: bytes, record: Mapping[str, Any]) -> bool:
    """Whether a record says what was committed to."""
    return hmac.compare_digest(claimed.encode(), commitment(salt, record).encode())


def names_person(record_id: str, *people: str) -> bool:
    """Whether one of these user ids is part of a record's id."""
    parts = re.split(r"[^0-9A-Za-z]+", record_id)
    return any(person and person in parts for person in people)


def _canonical(value: Any) -> bytes:
    form = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return form.encode("utf-8", "surrogatepass")


def block_id(channel_id: str, n: int) -> str:
    """Of two processes that make the same block, the store lets one."""
    return f"{channel_id}:{n:09d}"


def next_block(channel_id: str, before: Block | None, links: Sequence[Link], *, now: int) -> Block:
    """The block after `before` (`None`: the channel's first), of 1 to `MOST_LINKS` links."""
    if not 1 <= len(links) <= MOST_LINKS:
        raise ValueError(f"a block has 1 to {MOST_LINKS} links")
    n = 1 if before is None else before.n + 1
    prev = FIRST if before is None else before.hash
    held = tuple(links)
    return Block(
        block_id(channel_id, n), channel_id, n, held, prev, hash_of(channel_id, n, prev, held), at=now
    )


def hash_of(channel_id: str, n: int, prev: str, links: Iterable[Link]) -> str:
    """The hash that a block has to have."""
    form = _canonical([channel_id, n, prev, [[link.commitment, link.at] for link in links]])
    return hashlib.sha256(_BLOCK + form).hexdigest()


def block_faults(before: Block | None, block: Block) -> list[Finding]:
    """What is wrong with a block by itself and after the one before it."""
    found: list[Finding] = []
    expected = 1 if before is None else before.n + 1
    if block.n != expected or block.prev != (FIRST if before is None else before.hash):
        found.append(Finding(Fault.BLOCK_MISSING, expected))
    right = hash_of(block.channel_id, block.n, block.prev, block.links)
    if not hmac.compare_digest(block.hash.encode(), right.encode()):
        found.append(Finding(Fault.BLOCK_ALTERED, block.n))
    return found
