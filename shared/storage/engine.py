"""A connection pool with the timeouts a payment system needs. It connects lazily, so building one does no I/O."""

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.settings import Settings

POOL_SIZE = 8  # committer, sweepers, reads: a service needs few, because pending changes share one transaction


def build(settings: Settings, *, service: str, pool_size: int = POOL_SIZE, durable: bool = True) -> AsyncEngine:
    """Not `durable`: a commit does not wait for the disk, for what may be forgotten in a crash because it would be done again."""
    return create_async_engine(
        settings.database_url,
        pool_size=pool_size,
        max_overflow=0,  # a connection that comes and goes costs the server more than the reads it serves
        pool_timeout=5.0,
        pool_recycle=1800,
        hide_parameters=True,  # an error would quote the whole batch: other payments' data, in a log line as long as the batch
        connect_args={
            "timeout": 5.0,
            "command_timeout": settings.statement_timeout_ms / 1000 + 5,  # the server's own timeout answers first
            "server_settings": {
                "application_name": f"paymesh-{service}",
                "lock_timeout": str(settings.lock_timeout_ms),
                "statement_timeout": str(settings.statement_timeout_ms),
                "idle_in_transaction_session_timeout": "30000",
                "synchronous_commit": "on" if durable else "off",
                "jit": "off",  # compiling costs more than these short statements run
            },
        },
    )
