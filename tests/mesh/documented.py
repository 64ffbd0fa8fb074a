"""A check for Schemathesis: an error's code is one of those that the operation's document lists for its status."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response


@schemathesis.check
def documented_code(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    if response.status_code < 400 or not response.content:
        return
    body = response.json()
    listed = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    examples = listed.get("content", {}).get("application/json", {}).get("examples", {})
    if isinstance(body, dict) and "error" in body and examples:
        code = body["error"]["code"]
        assert code in examples, f"{code} is not documented for {case.operation.label}; {sorted(examples)} are"
