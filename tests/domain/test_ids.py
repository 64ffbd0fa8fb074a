"""Ids: what follows from a cause, and what the outside sees."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import new_id
from shared.ids import DIGITS, LENGTH, PAYMENT, derived, private, public

LARGEST = UUID(int=(1 << 128) - 1)


@given(st.uuids(), st.sampled_from([PAYMENT, "rfnd", "two_words"]))
def test_a_public_id_is_its_uuid(uuid: UUID, prefix: str) -> None:
    shown = public(prefix, uuid)
    assert private(prefix, shown) == uuid
    assert len(shown) == len(prefix) + 1 + LENGTH
    assert shown.isascii()


@given(st.uuids(), st.uuids())
def test_public_ids_sort_as_their_uuids(one: UUID, other: UUID) -> None:
    assert (public(PAYMENT, one) < public(PAYMENT, other)) == (one < other)


@pytest.mark.parametrize("uuid", [UUID(int=0), LARGEST])
def test_the_ends(uuid: UUID) -> None:
    assert private(PAYMENT, public(PAYMENT, uuid)) == uuid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay_",
        "pay",
        "0" * LENGTH,
        "ord_" + "0" * LENGTH,
        "PAY_" + "0" * LENGTH,
        "pay_" + "0" * (LENGTH - 1),
        "pay_" + "0" * (LENGTH + 1),
        "pay_" + "0" * (LENGTH - 1) + "-",
        "pay_" + "0" * (LENGTH - 1) + "\n",
        "pay_" + "٠" * LENGTH,
        "pay_pay_" + "0" * LENGTH,
        " pay_" + "0" * LENGTH,
        "pay_" + DIGITS[-1] * LENGTH,
    ],
)
def test_what_was_never_given_out_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an id of the form pay_"):
        private(PAYMENT, text)


@given(st.text(DIGITS, min_size=LENGTH, max_size=LENGTH))
def test_no_uuid_has_two_spellings(digits: str) -> None:
    try:
        uuid = private(PAYMENT, f"pay_{digits}")
    except ValueError:
        return
    assert public(PAYMENT, uuid) == f"pay_{digits}"


@given(st.uuids(), st.text(max_size=20))
def test_what_follows_has_one_id_and_its_causes_time(cause: UUID, name: str) -> None:
    found = derived(cause, name)
    assert found == derived(cause, name)
    assert found.bytes[:6] == cause.bytes[:6]
    assert (found.version, found.variant) == (8, "specified in RFC 4122")


def test_different_names_and_causes_make_different_ids() -> None:
    causes = [new_id() for _ in range(50)]
    assert len({derived(cause, name) for cause in causes for name in ("a", "b", "ab", "")} | set(causes)) == 250


def test_the_derivation_is_a_contract_between_versions() -> None:
    """Services of two versions must name the same fact alike: this value is for ever."""
    assert derived(UUID("019b8d5a-2c00-7000-8000-000000000001"), "attempt:1") == UUID("019b8d5a-2c00-84e7-af4a-e4a7b45f433d")
