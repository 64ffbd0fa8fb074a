"""`python -I -S ready.py URL`: exit status 0 when it answers 200. The image has no curl, and this starts in 50 ms."""

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

TIMEOUT_S = 3.0  # readiness itself gives its checks 2 s


def ready(url: str) -> bool:
    """Whether `url` answers 200 in time."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(0 if ready(sys.argv[1]) else 1)
