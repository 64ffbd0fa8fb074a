"""Where a campaign plays: a mesh of its own, with fresh databases and journals, gone when it is over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from deploy.faults.order import SETTINGS
from deploy.local.instance import Instance
from deploy.local.leftovers import wipe
from deploy.local.mesh import Mesh
from deploy.local.progress import Progress, unseen
from deploy.local.servers import silent


@contextmanager
def stage(
    instance: str,
    *,
    settings: Mapping[str, str] | None = None,
    launchers: Mapping[str, Sequence[str]] | None = None,
    notice: Callable[[str], None] = silent,
    progress: Progress = unseen,
) -> Iterator[Mesh]:
    """A mesh on `.paymesh/<instance>`, emptied first; its data stay for who wants to look. `settings` add to those of campaigns.

    Raises InstanceBusy, StartFailed.
    """
    found = Instance.named(instance)
    wipe(found)
    mesh = Mesh(found.folder, {**SETTINGS, **(settings or {})}, notice=notice, launchers=launchers)
    mesh.start(progress)
    try:
        yield mesh
    finally:
        mesh.stop()
