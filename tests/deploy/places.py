"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
K8S = ROOT / "deploy" / "k8s"
BASE = K8S / "base"
DEMO = K8S / "overlays" / "local-demo"
PRODUCTION = K8S / "overlays" / "production"
OVERLAYS = (BASE, DEMO, PRODUCTION)
