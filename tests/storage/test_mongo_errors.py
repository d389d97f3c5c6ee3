"""Each error of MongoDB and its driver becomes the one of ours that tells callers what to do."""

from __future__ import annotations

import pytest
from bson.errors import InvalidDocument
from pymongo import errors as theirs

from domain.errors import CuelightError, Rejected
from storage.contracts import Duplicate, StorageBroken, StorageFull, StorageUnavailable
from storage.mongo.errors import is_passing, never_sent, translate

SECRET = "hunter2"


def refused(code: int, text: str = SECRET) -> theirs.OperationFailure:
    return theirs.OperationFailure(text, code, {"code": code, "codeName": "TheirName", "errmsg": text})


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (refused(14031), StorageFull),
        (refused(8000, "you are over your space quota, using 513 MB of 512 MB"), StorageFull),
        (refused(8000, "bad auth : authentication failed"), StorageBroken),
        (refused(18), StorageBroken),
        (refused(13), StorageBroken),
        (refused(10334), Rejected),
        (refused(50), StorageUnavailable),
        (refused(11602), StorageUnavailable),
        (refused(9), StorageBroken),
        (theirs.WTimeoutError(SECRET, 64), StorageUnavailable),
        (theirs.WriteConcernError(SECRET, 100), StorageUnavailable),
        (theirs.AutoReconnect(SECRET), StorageUnavailable),
        (theirs.NotPrimaryError(SECRET), StorageUnavailable),
        (theirs.NetworkTimeout(SECRET), StorageUnavailable),
        (theirs.ServerSelectionTimeoutError(SECRET), StorageUnavailable),
        (theirs.WaitQueueTimeoutError(SECRET), StorageUnavailable),
        (theirs.InvalidOperation(SECRET), StorageUnavailable),
        (theirs.DocumentTooLarge(SECRET), Rejected),
        (theirs.InvalidURI(SECRET), Rejected),
        (theirs.ConfigurationError(SECRET), StorageBroken),
        (InvalidDocument(SECRET), StorageBroken),
        (theirs.PyMongoError(SECRET), StorageBroken),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{type(value).__name__}",
)
def test_every_error_has_its_meaning_and_tells_no_secrets(
    error: Exception, ours: type[CuelightError]
) -> None:
    translated = translate(error)
    assert type(translated) is ours
    assert translated.__cause__ is error
    assert SECRET not in str(translated)


def test_the_login_comes_with_advice() -> None:
    translated = translate(refused(18))
    assert isinstance(translated, StorageBroken)
    assert "MONGO_URL" in translated.advice


def test_a_name_that_cannot_be_looked_up_is_no_fault_of_the_release() -> None:
    from dns.resolver import NXDOMAIN

    assert isinstance(translate(caused(theirs.ConfigurationError("x"), NXDOMAIN())), StorageUnavailable)


@pytest.mark.parametrize("error", [Duplicate("t", ("_id",)), ValueError("of a change")], ids=repr)
def test_what_is_not_theirs_stays(error: Exception) -> None:
    assert translate(error) is error


@pytest.mark.parametrize(
    ("error", "passing", "unsent"),
    [
        (theirs.AutoReconnect("closed"), True, False),
        (theirs.NetworkTimeout("slow"), True, False),
        (theirs.WTimeoutError("not on the majority yet", 64), True, False),
        (refused(91), True, False),
        (theirs.ServerSelectionTimeoutError("none"), True, True),
        (theirs.WaitQueueTimeoutError("all busy"), True, True),
        (caused(theirs.AutoReconnect("refused"), ConnectionRefusedError()), True, True),
        (caused(theirs.AutoReconnect("reset"), ConnectionResetError()), True, False),
        (theirs.DuplicateKeyError("E11000", 11000), False, False),
        (refused(14031), False, False),
        (refused(18), False, False),
        (Duplicate("t", ("_id",)), False, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_which_outcomes_are_open(error: Exception, passing: bool, unsent: bool) -> None:
    assert is_passing(error) is passing
    assert never_sent(error) is unsent
