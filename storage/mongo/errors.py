"""The errors of MongoDB and its driver become ours here, and nowhere else.

Nothing that the driver says is passed on: its texts may hold addresses, and the server's may hold documents.
"""

from __future__ import annotations

from domain.errors import CuelightError, Rejected
from storage.contracts import StorageBroken, StorageFull, StorageUnavailable
from storage.mongo.driver import (
    BSONError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)

# Codes of the server: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_FULL = frozenset({14031, 12501})  # OutOfDiskSpace; over quota
_ATLAS = 8000  # hosted MongoDB says everything with this one
_TOO_LARGE = frozenset({10334, 17280, 17419, 17420})
_LOGIN = frozenset({11, 13, 18})  # UserNotFound, Unauthorized, AuthenticationFailed
# A server that stops, steps down or is not up yet, and what it interrupts. Whether a write was done is not said.
_PASSING = frozenset(
    {
        6,
        7,
        24,
        43,
        50,
        64,
        79,
        89,
        91,
        100,
        112,
        189,
        202,
        262,
        317,
        9001,
        10107,
        11600,
        11602,
        13388,
        13435,
        13436,
    }
)
_SPACE = ("space quota", "disk space", "out of space", "no space")


def never_sent(error: BaseException) -> bool:
    """Whether the operation cannot have reached a server: there was none, or no (free) connection."""
    if isinstance(error, ServerSelectionTimeoutError | WaitQueueTimeoutError):
        return True
    return isinstance(error, ConnectionFailure) and isinstance(error.__cause__, ConnectionRefusedError)


def is_passing(error: BaseException) -> bool:
    """Whether the same operation may work in a moment. The outcome of a write is open, unless `never_sent`."""
    if isinstance(error, OperationFailure):
        return not _is_full(error) and (isinstance(error, WriteConcernError) or error.code in _PASSING)
    return isinstance(error, ConnectionFailure)


def translate(error: Exception) -> Exception:
    """Our error for the driver's; our own errors and those of others stay as they are."""
    if not isinstance(error, PyMongoError | BSONError):
        return error
    ours = _ours(error)
    ours.__cause__ = error
    return ours


def unknown(error: BaseException) -> StorageUnavailable:
    """What a caller is told when a write was sent and nobody could say what became of it."""
    ours = StorageUnavailable(
        "MongoDB did not answer in time, so whether the write arrived is unknown.", code="storage.unknown"
    )
    ours.__cause__ = error
    return ours


def closed() -> StorageUnavailable:
    """What a caller is told after `close`."""
    return StorageUnavailable("The store is closed.")


def overloaded() -> StorageUnavailable:
    """What a caller is told when too much waits for MongoDB."""
    return StorageUnavailable("MongoDB does not keep up: too much waits for it.", code="storage.overloaded")


def bad_url() -> Rejected:
    """What a caller is told about a URL that the driver cannot read; the URL is not shown, it may hold a password."""
    return Rejected(
        "The URL of the MongoDB store cannot be read.",
        code="storage.url",
        advice="Use mongodb://user:password@host:27017/cuelight or mongodb+srv://…, with special characters of user and"
        " password percent-encoded.",
    )


def _ours(error: Exception) -> CuelightError:
    if isinstance(error, InvalidURI):
        return bad_url()
    if isinstance(error, DocumentTooLarge):
        return _too_large()
    if isinstance(error, OperationFailure):
        return _refused(error)
    if isinstance(error, ConnectionFailure):
        return StorageUnavailable(
            "MongoDB does not answer.",
            advice="See that MongoDB runs, and that MONGO_URL names it and this machine may reach it."
            " Work goes on by itself.",
        )
    if isinstance(error, InvalidOperation):
        return closed()
    if isinstance(error, ConfigurationError):
        if type(error.__cause__).__module__.startswith("dns."):
            return StorageUnavailable(
                "The name in MONGO_URL cannot be looked up now.",
                advice="See that this machine can ask its name server for the SRV record of the cluster.",
            )
        return StorageBroken(
            "This MongoDB, or the way to it, does not fit this release.",
            advice="MongoDB 4.4 or later is needed. If it is, look at the options in MONGO_URL.",
        )
    return StorageBroken(f"The store failed over {type(error).__name__}.", advice="Please report this.")


def _refused(error: OperationFailure) -> CuelightError:
    if _is_full(error):
        return StorageFull(
            "The disk of MongoDB is full, so nothing more can be stored.",
            advice="Give MongoDB more room. Work goes on by itself.",
            retry_after_seconds=5,
        )
    if error.code in _TOO_LARGE:
        return _too_large()
    if error.code in _LOGIN or error.code == _ATLAS:
        return StorageBroken(
            "MongoDB does not let us in, or not do what we need.",
            advice="Look at user, password and authSource in MONGO_URL; the user needs the role readWrite on the"
            " database.",
        )
    if is_passing(error):
        return StorageUnavailable(f"MongoDB could not do it now ({_name(error)}).")
    return StorageBroken(f"MongoDB refused: {_name(error)}.", advice="Please report this.")


def _name(error: OperationFailure) -> str:
    details = error.details or {}
    return f"{details.get('codeName') or 'error'} {error.code}"


def _is_full(error: OperationFailure) -> bool:
    if error.code in _FULL:
        return True
    return error.code == _ATLAS and any(word in str(error).lower() for word in _SPACE)


def _too_large() -> Rejected:
    return Rejected("The document is too large to be stored.", code="storage.document")
