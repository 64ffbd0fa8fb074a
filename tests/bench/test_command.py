"""A benchmark measures the mesh, not what earlier ones have left in its databases."""

import pytest

from deploy.local.commands import bench as module
from deploy.local.errors import StartFailed
from deploy.local.instance import Instance
from deploy.local.leftovers import wipe
from deploy.local.mesh import Mesh


@pytest.mark.parametrize("webhooks", [False, True])
def test_its_instance_is_emptied_first(webhooks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance.named("bench-command-tests")
    left = instance.folder / "left"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("an endpoint whose receiver is gone")

    def starts(mesh: Mesh, progress: object) -> None:
        assert mesh.instance.folder == instance.folder
        assert not left.exists()
        raise StartFailed("far enough", "")

    monkeypatch.setattr(Mesh, "start", starts)
    try:
        with pytest.raises(StartFailed, match="far enough"):
            module.bench(webhooks=webhooks, instance=instance.name)
    finally:
        wipe(instance)
