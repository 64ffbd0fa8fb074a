"""What the docs list is what the code has: error codes and settings, none missing and none of yesterday."""

import ast
import re
from importlib import import_module

import pytest
from pydantic_settings import BaseSettings

from services.api.http.layer import Code
from tests.tidy.tree import ROOT, SERVICES, modules, none_of, texts

DOCS = ROOT / "docs"
ROW = re.compile(r"^\|\s*`([A-Z_]+)`\s*\|\s*(\d{3})\s*\|", re.MULTILINE)  # | `CODE` | 422 | …
WORD = re.compile(r"`([A-Z]+(?:_[A-Z]+)+)`")
SETTING = re.compile(r"\bPAYMESH_[A-Z0-9_]+\b")
A_CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)+")
NO_CODES = {"PAYMENT_LINK"}  # a payment method

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="there are no docs yet")


def page(name: str) -> str:
    """Fails where the docs lack it."""
    return (DOCS / name).read_text()


def test_docs_list_every_error_of_the_edge_with_its_status() -> None:
    assert {code: int(status) for code, status in ROW.findall(page("errors.md"))} == {code.name: code.status for code in Code}


def test_docs_list_every_reason_a_payment_may_carry() -> None:
    """Codes that services give a payment or an attempt themselves; gateways' own codes are the gateways'."""
    none_of(payment_codes() - set(WORD.findall(page("errors.md"))))


def test_docs_list_no_error_that_does_not_exist() -> None:
    none_of(set(WORD.findall(page("errors.md"))) - payment_codes() - {code.name for code in Code})


def payment_codes() -> set[str]:
    decisions = (f"services/{service}/{part}" for service in SERVICES for part in ("domain/", "consumers.py"))
    return {
        node.value
        for tree in modules(*decisions).values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and A_CODE.fullmatch(node.value)
    } - NO_CODES


def test_docs_list_every_setting() -> None:
    none_of(settings() - set(SETTING.findall(page("settings.md"))))


def test_docs_list_no_setting_that_nothing_reads() -> None:
    code = {name for path, text in texts().items() if path.endswith((".py", ".toml")) or "." not in path for name in SETTING.findall(text)}
    none_of(set(SETTING.findall(page("settings.md"))) - settings() - code)


def settings() -> set[str]:
    """Names of the variables that services read."""
    places = [import_module("shared.settings"), *(import_module(f"services.{service}.wiring") for service in SERVICES)]
    classes = {one for place in places for one in vars(place).values() if isinstance(one, type) and issubclass(one, BaseSettings)}
    return {f"{one.model_config.get('env_prefix', '')}{field}".upper() for one in classes for field in one.model_fields}
