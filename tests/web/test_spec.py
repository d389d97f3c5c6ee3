from __future__ import annotations

from web.models.base import Asked, Told
from web.spec import Spec


class Read(Asked):
    name: str


class Made(Told):
    name: str


def test_its_models_are_those_that_read_and_those_that_answer() -> None:
    spec = Spec(
        "vips", "Make", query=Read, body=Read, answers={201: Made, 202: Made, 204: None, 200: "text/csv"}
    )
    assert spec.models == ((Read, False), (Read, False), (Made, True), (Made, True))


def test_a_body_may_be_a_media_type() -> None:
    assert Spec("webhooks", "Take", body="application/json").models == ()
