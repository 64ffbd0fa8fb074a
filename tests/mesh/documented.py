"""Checks for Schemathesis: an error's code is one of those that the operation's document lists for its status, and a body that its
schema forbids is refused."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection


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


@schemathesis.check
def refused_body(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Of bodies alone: in a query everything is text."""
    made = case.meta.components.get(ParameterLocation.BODY) if case.meta else None
    if made is not None and made.mode.is_negative:
        negative_data_rejection(ctx, response, case)
