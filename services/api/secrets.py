"""Keys and their secrets: how they are made, and what is kept of them."""

import hashlib
import secrets

SECRET_BYTES = 32  # of chance: nobody guesses it, so a plain SHA-256 keeps it
KEY_ID, PUBLISHABLE, SECRET, OPERATOR = "key_live_", "pk_live_", "secret_live_", "op_live_"  # a scanner for leaks knows them by these
ID_BYTES = 12


def new_secret(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def new_key_id(prefix: str) -> str:
    """No secret, but nobody's to guess either. Letters and digits only: a double click takes the whole of it."""
    return prefix + secrets.token_hex(ID_BYTES)


def digest(secret: str) -> bytes:
    """A header that is not UTF-8 reaches us with surrogates; it is no key of ours, and no error either."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
