"""What every service is made of, its life and its readiness."""

from shared.runtime.life import serve
from shared.runtime.parts import Parts, answer, bind, build, every

__all__ = ["Parts", "answer", "bind", "build", "every", "serve"]
