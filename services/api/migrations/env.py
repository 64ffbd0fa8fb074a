"""Alembic's entry: this service's tables."""

from services.api.store import metadata
from shared.storage.migrate import run

run(metadata)
