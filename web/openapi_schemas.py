"""JSON Schemas of the models that routes read and answer with, under the names that the description uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.errors import Broken

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]
PLACE = "#/components/schemas/"


class Schemas:
    """The schemas of a set of models, given as pairs of model and whether it is an answer.

    A model that is both read and answered, with two shapes (an answer has all its fields), gets two names; two models
    of one name would get long ones that nobody reads: `Broken`.
    """

    def __init__(self, models: Iterable[tuple[type[BaseModel], bool]]) -> None:
        wanted: list[tuple[type[BaseModel], Mode]] = []
        for model, answered in models:
            pair: tuple[type[BaseModel], Mode] = (model, "serialization" if answered else "validation")
            if pair not in wanted:
                wanted.append(pair)
        found, described = models_json_schema(wanted, ref_template=PLACE + "{model}")
        self._refs = {(model, mode == "serialization"): schema for (model, mode), schema in found.items()}
        self._all: Json = described.get("$defs", {})
        for name in self._all:
            if "__" in name:
                raise Broken(f"Two models of the API have the same name: {name}.", code="openapi.name")

    def ref(self, model: type[BaseModel], *, answered: bool) -> Json:
        """A reference to the schema of a model."""
        return dict(self._refs[model, answered])

    def fields(self, model: type[BaseModel]) -> list[tuple[str, bool, Json]]:
        """The fields of a model that reads a path or a query: name, whether it is required, schema."""
        schema = self._all[self.ref(model, answered=False)["$ref"].removeprefix(PLACE)]
        required = set(schema.get("required", ()))
        return [
            (name, name in required, {key: value for key, value in one.items() if key != "title"})
            for name, one in schema.get("properties", {}).items()
        ]

    def components(self, *, without: Iterable[type[BaseModel]]) -> Json:
        """All schemas by name, but for those of models that are written out as parameters."""
        left_out = {self.ref(model, answered=False)["$ref"].removeprefix(PLACE) for model in without}
        return {name: _untitled(schema) for name, schema in sorted(self._all.items()) if name not in left_out}


def _untitled(value: Any) -> Any:
    """Without the titles that pydantic makes from names: they say nothing that the name does not."""
    if isinstance(value, list):
        return [_untitled(one) for one in value]
    if not isinstance(value, dict):
        return value
    # A field may be called `title` itself: what is in `properties` are names, not words of JSON Schema.
    return {
        key: {name: _untitled(one) for name, one in inner.items()}
        if key == "properties"
        else _untitled(inner)
        for key, inner in value.items()
        if key != "title" or not isinstance(inner, str)
    }
