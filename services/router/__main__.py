"""`python -m services.router`"""

from services.router.wiring import build
from shared.runtime import serve

if __name__ == "__main__":
    serve(build())
