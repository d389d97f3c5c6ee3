from __future__ import annotations

from enum import StrEnum

import pytest
from pydantic import Field, create_model

from domain.errors import Broken
from web.models.base import Asked, Told
from web.openapi_schemas import Schemas


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Told):
    title: str


class Outer(Told):
    inner: Inner
    colour: Colour


class Which(Asked):
    colour: Colour = Field(Colour.RED, description="Which.")
    first: int = Field(ge=1, alias="from")


def test_models_refer_to_each_other_by_name() -> None:
    schemas = Schemas([(Outer, True), (Which, False)])
    assert schemas.ref(Outer, answered=True) == {"$ref": "#/components/schemas/Outer"}
    made = schemas.components(without=[Which])
    assert set(made) == {"Outer", "Inner", "Colour"}
    assert made["Outer"]["properties"]["inner"] == {"$ref": "#/components/schemas/Inner"}
    assert made["Inner"]["properties"] == {"title": {"type": "string"}}
    assert "title" not in made["Outer"]


def test_the_fields_of_a_query_have_the_names_that_it_is_asked_with() -> None:
    fields = {name: (required, schema) for name, required, schema in Schemas([(Which, False)]).fields(Which)}
    assert fields["from"] == (True, {"type": "integer", "minimum": 1})
    assert not fields["colour"][0]
    assert fields["colour"][1]["description"] == "Which."


def test_two_models_of_one_name_are_an_error() -> None:
    other = create_model("Inner", __base__=Told, __module__="elsewhere", name=(str, ...))
    with pytest.raises(Broken, match="same name"):
        Schemas([(Outer, True), (other, True)])
