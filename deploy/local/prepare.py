"""What the services need before they start: databases with their tables, the topology on the broker, keys, the demo merchant."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import demo
from deploy.local.errors import StartFailed
from deploy.local.files import write_atomically
from deploy.local.programs import Blueprint

AT_ONCE = 2  # each is a Python that imports and migrates: a second of CPU
COMMAND_TIMEOUT_S = 120.0
SEEDED = ("api", "notifier")
MARKER = "prepared.sha256"


def run(command: Sequence[str], environment: Mapping[str, str], root: Path) -> None:
    """Run a preparing command of the project. Raises StartFailed with the end of what it said."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env=dict(environment),
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise StartFailed(f"`python -m {' '.join(command)}` did not end within {COMMAND_TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        end = "\n".join(done.stdout.splitlines()[-20:])
        raise StartFailed(f"`python -m {' '.join(command)}` failed (exit status {done.returncode})", end)


def create_databases(postgres_url: str, names: Iterable[str]) -> None:
    """Create those that are missing, one after the other: PostgreSQL copies a template that nobody else may use meanwhile."""
    import asyncpg  # 0.15 s: not for `./paymesh status`

    async def create() -> None:
        connection = await asyncpg.connect(postgres_url)
        try:
            there = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
            for name in names:
                if name not in there:
                    await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    asyncio.run(create())


class Preparation:
    """The preparing of one instance. What needs PostgreSQL and what needs RabbitMQ are apart, so that both can go on at once."""

    def __init__(self, blueprint: Blueprint, services: Sequence[str]) -> None:
        self._blueprint = blueprint
        self._services = services

    def keys(self) -> None:
        """The key pair that seals instruments, if there is none."""
        public, private = self._blueprint.key_file("public"), self._blueprint.key_file("private")
        if not (public.exists() and private.exists()):
            public.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._run("api", "shared.sealing", "generate", "--public", str(public), "--private", str(private))

    def databases(self) -> bool:
        """Create and migrate every database and seed the demo merchant; False when the same code did all of that before.

        The note of that lies beside PostgreSQL's data, where they are ours, so that it goes with them; otherwise nothing is skipped.
        """
        postgres, state = self._blueprint.postgres, self._state()
        note = postgres.home / MARKER if postgres.home else None
        if note and note.exists() and note.read_text() == state:
            return False
        create_databases(postgres.url, [self._blueprint.database(service) for service in self._services])
        seed = self._blueprint.instance.folder / "seed.json"
        write_atomically(seed, json.dumps(demo.seed(self._blueprint.shop_url), indent=1), mode=0o600)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda service: self._migrate(service, seed), self._services))
        if note:
            write_atomically(note, state)
        return True

    def _migrate(self, service: str, seed: Path) -> None:
        self._run(service, "shared.storage.migrate", service, "upgrade")
        if service in SEEDED:
            self._run(service, f"services.{service}.seed", str(seed))

    def topology(self) -> None:
        """Declare exchanges, queues and bindings; what is there already stays."""
        self._run("router", "shared.topology", "declare")

    def _run(self, service: str, *command: str) -> None:
        run(command, self._blueprint.environment(service), self._blueprint.root)

    def _state(self) -> str:
        """A digest of everything that decides what migrating and seeding do: all code, the demo merchant, the databases' names."""
        digest = hashlib.sha256()
        for folder in ("services", "shared"):
            for file in sorted((self._blueprint.root / folder).rglob("*.py")):
                digest.update(f"{file.relative_to(self._blueprint.root)}\0".encode() + file.read_bytes())
        digest.update(json.dumps(demo.seed(self._blueprint.shop_url)).encode())
        digest.update(" ".join(self._blueprint.database(service) for service in self._services).encode())
        return digest.hexdigest()
