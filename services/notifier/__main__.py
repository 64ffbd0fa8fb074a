"""`python -m services.notifier`"""

from services.notifier.wiring import build
from shared.runtime import serve

if __name__ == "__main__":
    serve(build())
