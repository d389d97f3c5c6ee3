from __future__ import annotations

from web.answers import json_answer


def test_json_is_utf_8_and_never_fails_on_text() -> None:
    answer = json_answer({"name": "Zoë", "bad": "\ud800"}, status=201)
    assert answer.status == 201
    assert answer.content_type == "application/json"
    assert answer.body == '{"name":"Zoë","bad":"?"}'.encode()
