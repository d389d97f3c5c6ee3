"""Makes `cloud-run-v1.json`, a strict JSON schema of what may stand in our Cloud Run files, from Google's words
about the API (the discovery document `run.v1.json`, which the package google-api-python-client carries):

    python tests/deploy/schemas/from_discovery.py run.v1.json > tests/deploy/schemas/cloud-run-v1.json

Fields that Google marks as not supported or as output are left out, so that a file which sets them fails. Which
annotations belong to which resource stands in the description of ObjectMeta and is read from there.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOTS = ("Service", "WorkerPool")
UNUSABLE = re.compile(r"not supported by cloud run|output.only|read-only", re.IGNORECASE)
NOT_OURS = ("status", "imagePullSecrets", "enableServiceLinks")
_ANNOTATION = re.compile(r"\* `([\w./-]+)`:? ?([\w, ]*)\.?")


def main(path: str) -> None:
    """Print the schema."""
    schemas: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))["schemas"]
    kept: dict[str, Any] = {}
    todo = list(ROOTS)
    while todo:
        name = todo.pop()
        if name in kept:
            continue
        properties = {
            field: value
            for field, value in schemas[name].get("properties", {}).items()
            if field not in NOT_OURS and not UNUSABLE.search(value.get("description", "")[:120])
        }
        kept[name] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {field: _plain(value) for field, value in properties.items()},
        }
        todo += re.findall(r'"#/\$defs/(\w+)"', json.dumps(kept[name]))
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made by from_discovery.py from Google's discovery document of the Cloud Run Admin API v1.",
        "$defs": dict(sorted(kept.items())),
        "annotations": _annotations(schemas["ObjectMeta"]["properties"]["annotations"]["description"]),
    }
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in value:
        return {"$ref": f"#/$defs/{value['$ref']}"}
    plain: dict[str, Any] = {"type": value["type"]}
    if "enum" in value:
        plain["enum"] = value["enum"]
    if "items" in value:
        plain["items"] = _plain(value["items"])
    if "additionalProperties" in value:
        plain["additionalProperties"] = _plain(value["additionalProperties"])
    return plain


def _annotations(text: str) -> dict[str, list[str]]:
    """Annotation → the resources that it may stand on."""
    return {
        name: [kind.strip() for kind in kinds.split(",") if kind.strip()]
        for name, kinds in _ANNOTATION.findall(text)
    }


if __name__ == "__main__":
    main(sys.argv[1])
