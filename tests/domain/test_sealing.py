"""A sealed instrument opens for the executor's key, under its own merchant, key id and nonce, and nowhere else."""

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import SealedInstrument
from shared.sealing import DATA_KEY_LIFE_S, CannotOpen, Opener, Sealer, fingerprint, generate, load_keys, main

CARD = {"type": "CARD", "number": "4100280000001007", "expiry_month": 12, "expiry_year": 2030, "cvv": "123"}
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    public, private = folder / "public.json", folder / "new" / "private.json"
    generate(public, private)
    return public, private


@pytest.fixture(scope="module")
def sealer(files: tuple[Path, Path]) -> Sealer:
    return Sealer(load_keys(files[0]))


@pytest.fixture(scope="module")
def opener(files: tuple[Path, Path]) -> Opener:
    return Opener(load_keys(files[1]))


def test_opens_to_what_was_sealed(sealer: Sealer, opener: Opener) -> None:
    assert opener.open("m_001", sealer.seal("m_001", CARD)) == CARD


def test_shows_nothing_and_never_the_same(sealer: Sealer) -> None:
    one, other = sealer.seal("m_001", CARD), sealer.seal("m_001", CARD)
    assert one.ciphertext != other.ciphertext
    assert one.nonce != other.nonce
    assert b"4100" not in base64.b64decode(one.ciphertext)


def test_opens_for_its_own_merchant_only(sealer: Sealer, opener: Opener) -> None:
    with pytest.raises(CannotOpen):
        opener.open("m_002", sealer.seal("m_001", CARD))


def test_opens_under_its_own_nonce_only(sealer: Sealer, opener: Opener) -> None:
    one, other = sealer.seal("m_001", CARD), sealer.seal("m_001", CARD)
    with pytest.raises(CannotOpen):
        opener.open("m_001", one.model_copy(update={"nonce": other.nonce}))


def test_opens_under_its_own_key_only(sealer: Sealer, opener: Opener, tmp_path: Path) -> None:
    generate(tmp_path / "public", tmp_path / "private")
    strange = Opener({sealer.key_id: next(iter(load_keys(tmp_path / "private").values()))})
    sealed = sealer.seal("m_001", CARD)
    with pytest.raises(CannotOpen):
        strange.open("m_001", sealed)
    with pytest.raises(CannotOpen, match="is not here any more"):
        opener.open("m_001", sealed.model_copy(update={"key_id": "gone"}))


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_blob_does_not_open(sealer: Sealer, opener: Opener, place: int, flip: int) -> None:
    sealed = sealer.seal("m_001", CARD)
    raw = bytearray(base64.b64decode(sealed.ciphertext))
    raw[place % len(raw)] ^= flip
    with pytest.raises(CannotOpen):
        opener.open("m_001", sealed.model_copy(update={"ciphertext": base64.b64encode(raw).decode()}))


@pytest.mark.parametrize(
    "ciphertext", ["", "AA==", "not base64", "é", base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(80)).decode()]
)
def test_what_is_no_blob_does_not_open(sealer: Sealer, opener: Opener, ciphertext: str) -> None:
    with pytest.raises(CannotOpen) as refused:
        opener.open(
            "m_001",
            SealedInstrument(key_id=sealer.key_id, wrapped_key=sealer.seal("m_001", CARD).wrapped_key, nonce="n", ciphertext=ciphertext),
        )
    assert "4100" not in str(refused.value)


def test_the_newest_key_seals_and_older_ones_still_open(files: tuple[Path, Path], opener: Opener, tmp_path: Path) -> None:
    public, private = tmp_path / "public", tmp_path / "private"
    newest = generate(public, private)
    both = Sealer({**load_keys(public), **load_keys(files[0])})
    assert both.key_id == newest
    with pytest.raises(CannotOpen):
        opener.open("m_001", both.seal("m_001", CARD))
    older = Sealer(load_keys(files[0])).seal("m_001", CARD)
    assert Opener({**load_keys(private), **load_keys(files[1])}).open("m_001", older) == CARD


def test_keys_are_made_once_and_the_private_one_is_private(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    public, private = tmp_path / "public", tmp_path / "private"
    arguments = ["generate", "--public", str(public), "--private", str(private)]
    assert [main(arguments), main(arguments)] == [0, 0]
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert load_keys(public).keys() == load_keys(private).keys()
    assert load_keys(public).values() != load_keys(private).values()
    assert next(iter(load_keys(private).values())) not in first


def test_equal_instruments_have_equal_fingerprints() -> None:
    assert fingerprint(KEY, "alice@OKHDFCBANK") == fingerprint(KEY, "alice@okhdfcbank")
    assert fingerprint(KEY, "4100280000001007") != fingerprint(KEY, "4100280000001008")
    assert fingerprint(KEY, "4100280000001007") != fingerprint(bytes(32), "4100280000001007")
    assert len(fingerprint(KEY, "4100280000001007")) == 32


def test_a_data_key_lives_a_minute_and_what_it_sealed_still_opens(
    files: tuple[Path, Path], opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("shared.sealing.monotonic_s", lambda: now[0])
    sealer = Sealer(load_keys(files[0]))
    first, second = sealer.seal("m_001", CARD), sealer.seal("m_001", CARD)
    now[0] += DATA_KEY_LIFE_S
    third = sealer.seal("m_001", CARD)
    assert first.wrapped_key == second.wrapped_key != third.wrapped_key
    assert [opener.open("m_001", one) for one in (third, first, second)] == [CARD] * 3


def test_a_data_key_of_another_blob_does_not_open(files: tuple[Path, Path], sealer: Sealer, opener: Opener) -> None:
    other = Sealer(load_keys(files[0])).seal("m_001", CARD)
    with pytest.raises(CannotOpen):
        opener.open("m_001", sealer.seal("m_001", CARD).model_copy(update={"wrapped_key": other.wrapped_key}))


@pytest.mark.parametrize("wrapped_key", ["", "AA==", "not base64", "é", base64.b64encode(bytes(80)).decode()])
def test_what_is_no_wrapped_key_does_not_open(sealer: Sealer, opener: Opener, wrapped_key: str) -> None:
    with pytest.raises(CannotOpen):
        opener.open("m_001", sealer.seal("m_001", CARD).model_copy(update={"wrapped_key": wrapped_key}))
