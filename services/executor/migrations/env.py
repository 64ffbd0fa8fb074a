"""Alembic's entry: this service's tables."""

from services.executor.store import metadata
from shared.storage.migrate import run

run(metadata)
