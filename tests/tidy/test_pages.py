"""Every service shows the same face, and its page says what it really hears, says and owns."""

import re
from importlib import import_module

import pytest

from shared import topology
from shared.contracts import HealthPicture, RoutingChanged
from tests.tidy.tree import ROOT, SERVICES

FACE = (
    "__init__.py",
    "__main__.py",
    "wiring.py",
    "consumers.py",
    "store.py",
    "domain/__init__.py",
    "migrations/env.py",
    "migrations/versions",
)
TITLES = ("Hears", "Decides", "Says", "Owns")
KIND = re.compile(r"\b[a-z_]+\.[a-z_]+\b")
BROADCASTS = {
    service: {picture.model_fields["kind"].default.removesuffix(".v1")}
    for service, picture in (("metrics", HealthPicture), ("router", RoutingChanged))
}
KERNEL_TABLES = {"inbox", "outbox"}


def page_of(service: str) -> dict[str, str]:
    """Title → text of the four lines, continuation lines joined."""
    page: dict[str, str] = {}
    title = ""
    for line in (import_module(f"services.{service}").__doc__ or "").splitlines():
        head, _, rest = line.partition(" ")
        if head in TITLES:
            title, page[head] = head, rest.strip()
        elif title and line.startswith(" "):
            page[title] += f" {line.strip()}"
    return page


def kinds_in(text: str) -> set[str]:
    return set(KIND.findall(text))


def unversioned(kind: str) -> str:
    return kind.rpartition(".")[0]


@pytest.mark.parametrize("service", SERVICES)
def test_same_face(service: str) -> None:
    assert [part for part in FACE if not (ROOT / "services" / service / part).exists()] == []


def test_there_is_no_other_service() -> None:
    folders = sorted(path.parent.name for path in (ROOT / "services").glob("*/__init__.py"))
    assert folders == sorted(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_page_has_its_four_lines(service: str) -> None:
    page = page_of(service)
    assert tuple(page) == TITLES
    assert all(page.values())


@pytest.mark.parametrize("service", SERVICES)
def test_page_hears_what_topology_says(service: str) -> None:
    heard = {unversioned(kind.kind_of()) for inlet in topology.TEMPLATES if topology.service_of(inlet) == service for kind in inlet.hears}
    assert kinds_in(page_of(service)["Hears"]) == heard


@pytest.mark.parametrize("service", SERVICES)
def test_page_says_what_topology_says(service: str) -> None:
    said = {unversioned(kind.kind_of()) for kind in topology.SAYS[service]}
    assert kinds_in(page_of(service)["Says"]) == said | BROADCASTS.get(service, set())


@pytest.mark.parametrize("service", SERVICES)
def test_page_owns_what_the_store_declares(service: str) -> None:
    tables = set(import_module(f"services.{service}.store").metadata.tables)
    assert set(page_of(service)["Owns"].split(", ")) == tables - KERNEL_TABLES
    assert tables > KERNEL_TABLES
