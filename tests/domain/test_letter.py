"""A letter opens where it was sent to, and nowhere else."""

import base64

import pytest

from shared.letter import Letterbox, letter

SECRET = "whsec_c2VjcmV0"


def test_it_opens_at_its_address_only() -> None:
    mine, other = Letterbox(), Letterbox()
    closed = letter(mine.address, SECRET)
    assert mine.open(closed) == SECRET
    assert SECRET.encode() not in base64.b64decode(closed)
    assert closed != letter(mine.address, SECRET)
    for box, found in ((other, closed), (mine, closed[:-8] + "AAAAAAA="), (mine, "not base64"), (mine, "")):
        with pytest.raises(ValueError):
            box.open(found)


@pytest.mark.parametrize("address", ["", "AAAA", "not base64"])
def test_an_address_is_a_key(address: str) -> None:
    with pytest.raises(ValueError):
        letter(address, SECRET)
