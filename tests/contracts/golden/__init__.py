"""The JSON schema of every contract as it was published. `python -m tests.contracts.golden` writes them anew.

Write them anew for a new kind only: a field that changes in a published kind is a new version beside the old one.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared import contracts
from shared.contracts import Frozen

FOLDER = Path(__file__).parent


def kinds() -> Iterator[tuple[str, type[Frozen]]]:
    """(kind, model) of everything that travels by itself."""
    for name in contracts.__all__:
        model = getattr(contracts, name)
        if (
            isinstance(model, type)
            and issubclass(model, Frozen)
            and (field := model.model_fields.get("kind"))
            and isinstance(field.default, str)
        ):
            yield field.default, model


def schema(model: type[Frozen]) -> dict[str, Any]:
    """What readers rely on: without titles and descriptions, which may be bettered."""
    found: dict[str, Any] = _bare(model.model_json_schema(mode="serialization"))
    return found


def _bare(part: Any) -> Any:
    if isinstance(part, list):
        return [_bare(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {name: _bare(inner) for name, inner in part.items() if not (name in ("title", "description") and isinstance(inner, str))}


def published() -> dict[str, Any]:
    """kind → schema, as the files say."""
    return {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}


def write() -> None:
    for kind, model in kinds():
        (FOLDER / f"{kind}.json").write_text(json.dumps(schema(model), indent=2, sort_keys=True) + "\n")
