"""`python -m services.api`"""

from services.api.wiring import build
from shared.runtime import serve

if __name__ == "__main__":
    serve(build())
