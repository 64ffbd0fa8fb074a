"""`python -m services.verifier`"""

from services.verifier.wiring import build
from shared.runtime import serve

if __name__ == "__main__":
    serve(build())
