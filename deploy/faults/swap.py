"""Replaces a function of the mesh in a process that is starting, and fails loudly where that function is no longer what it was."""

import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any


class Gone(LookupError):
    """What was to be replaced is not there, or takes other arguments than it did: whoever replaces it has to look again."""


def find(target: str) -> tuple[Any, str, Any]:
    """`package.module:Class.function` → where it is held, its name, and itself. Raises Gone."""
    module, _, path = target.partition(":")
    *holders, name = path.split(".")
    try:
        holder = functools.reduce(getattr, holders, import_module(module))
        return holder, name, vars(holder)[name]
    except (ImportError, AttributeError, KeyError):
        raise Gone(f"there is no {target} any more") from None


def swap(target: str, make: Callable[[Any], Any], *, takes: str) -> None:
    """Put `make(original)` in its place. `takes` names the arguments that the original must have, in their order. Raises Gone.

    A module that imported the function by name holds its own: name that module.
    """
    holder, name, original = find(target)
    if (found := " ".join(inspect.signature(original).parameters)) != takes:
        raise Gone(f"{target} takes ({found}) now, not ({takes})")
    setattr(holder, name, functools.wraps(original)(make(original)))


def named(target: str) -> Any:
    """Something of the mesh that deploy may not import, by `package.module:name`. Raises Gone."""
    return find(target)[2]
