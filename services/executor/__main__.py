"""`python -m services.executor`"""

from services.executor.wiring import build
from shared.runtime import serve

if __name__ == "__main__":
    serve(build())
