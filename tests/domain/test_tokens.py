"""Signed claims: what was minted is read, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.tokens import mint, read

KEY, NOW = b"k" * 32, datetime(2026, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
CLAIMS = {"merchant": "m_001", "order": "ord_1"}


def test_what_was_minted_is_read() -> None:
    assert read(KEY, "checkout", mint(KEY, "checkout", CLAIMS, expires_at=SOON), now=NOW) == CLAIMS


def test_it_ends() -> None:
    token = mint(KEY, "checkout", CLAIMS, expires_at=SOON)
    assert read(KEY, "checkout", token, now=SOON - timedelta(seconds=1)) == CLAIMS
    assert read(KEY, "checkout", token, now=SOON) is None


@pytest.mark.parametrize(("key", "purpose"), [(b"x" * 32, "checkout"), (KEY, "live"), (KEY, "")])
def test_another_key_or_purpose_reads_nothing(key: bytes, purpose: str) -> None:
    assert read(key, purpose, mint(KEY, "checkout", CLAIMS, expires_at=SOON), now=NOW) is None


@given(place=st.integers(min_value=0, max_value=200), letter=st.sampled_from("ABCxyz019-_.=é"))
def test_one_letter_changed_reads_nothing(place: int, letter: str) -> None:
    token = mint(KEY, "checkout", CLAIMS, expires_at=SOON)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    # The last letter of base64 has bits that say nothing, so another spelling of the same signature is the same token.
    assert changed == token or place == len(token) - 1 or read(KEY, "checkout", changed, now=NOW) is None


@given(text=st.text(max_size=300))
def test_noise_reads_nothing(text: str) -> None:
    assert read(KEY, "checkout", text, now=NOW) is None


def test_the_end_is_the_tokens_own() -> None:
    with pytest.raises(ValueError, match="exp"):
        mint(KEY, "checkout", {"exp": "9999999999"}, expires_at=SOON)
