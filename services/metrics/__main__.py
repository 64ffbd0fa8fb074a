"""`python -m services.metrics`"""

from services.metrics.wiring import build
from shared.runtime import serve

if __name__ == "__main__":
    serve(build())
