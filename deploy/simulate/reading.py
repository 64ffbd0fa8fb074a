"""A world from its TOML. Whatever is wrong is said with the file and the place in it."""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from deploy.simulate.world import CHARGED, FIGURES, Gateway, Piece, World
from shared.contracts import AMOUNT_MAX, Method

METHODS = get_args(Method)
SHARES = ("success", "user_decline", "timeout")
PIECE_KEYS = {"from_s", "to_s", "method", "bank", "end", *FIGURES}
NO_BANK = "none"
PAYMENTS_MIN = 50.0  # expected of a world; of much fewer there may be none at all, by chance
NUMBER_MAX = 1e15  # an integer of TOML may be larger than any float
MIX = ("methods", "banks", "amounts")
MIX_FORM = "write [mix] with methods = { UPI = 0.7, CARD = 0.3 }, banks = { hdfc = 0.5, none = 0.5 }, amounts = { 50000 = 1 }"


class BadWorld(ValueError):
    """The file is no world; the text says where and why."""


def read_worlds(folder: Path) -> list[World]:
    """Every *.toml in it, by name. Raises BadWorld."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise BadWorld(f"{folder}: no world there (*.toml)")
    return [read_world(file) for file in files]


def read_world(file: Path) -> World:
    """Raises BadWorld."""
    try:
        return world_of(file.stem, tomllib.loads(file.read_text(encoding="utf-8")))
    except (ValueError, OSError) as error:  # no TOML, no UTF-8, an integer of 5,000 digits, or a BadWorld
        raise BadWorld(f"{file}: {error}") from None


def world_of(name: str, said: Mapping[str, Any]) -> World:
    """From the parsed file. Raises BadWorld."""
    only(said, {"about", "duration_s", "payments_per_s", "mix", "gateways", *MIX}, "world")
    mix = mix_of(said)
    duration_s = number(said, "duration_s", "world", above=0.0)
    gateways = gateways_of(said.get("gateways", {}))
    world = World(
        name=name,
        about=str(said.get("about", "")),
        duration_s=duration_s,
        payments_per_s=number(said, "payments_per_s", "world", above=0.0),
        methods=methods_of(weights(mix.get("methods", {"UPI": 1.0}), "mix.methods")),
        banks={None if bank == NO_BANK else bank: one for bank, one in weights(mix.get("banks", {NO_BANK: 1.0}), "mix.banks").items()},
        amounts_minor=amounts_of(weights(mix.get("amounts", {"50000": 1.0}), "mix.amounts")),
        gateways=tuple(gateway_of(one, table(what, f"gateways.{one}"), duration_s) for one, what in gateways.items()),
    )
    check(world)
    return world


def mix_of(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tables of weights, in [mix] or beside it."""
    mix = said.get("mix", {})
    if not isinstance(mix, dict):
        raise BadWorld(f"mix: a table is wanted; {MIX_FORM}")
    only(mix, set(MIX), "mix")
    return {**{one: said[one] for one in MIX if one in said}, **mix}


def gateways_of(said: Any) -> Mapping[str, Any]:
    """By name, from [gateways.alpha], or from [[gateways]] with a name each; the order counts."""
    if isinstance(said, list):
        named = [table(one, f"gateways[{at}]") for at, one in enumerate(said)]
        names = [one.get("name") for one in named]
        if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
            raise BadWorld("gateways: each of a list needs a name of its own; or write [gateways.alpha]")
        said = {str(one["name"]): {key: value for key, value in one.items() if key != "name"} for one in named}
    if not table(said, "gateways"):
        raise BadWorld("gateways: there is none; write [gateways.alpha]")
    return table(said, "gateways")


def gateway_of(name: str, said: Mapping[str, Any], duration_s: float) -> Gateway:
    place = f"gateways.{name}"
    only(said, {"fee", "fee_fixed_minor", "timeout_charged", "pieces"}, place)
    pieces = said.get("pieces", [])
    if not isinstance(pieces, list):
        raise BadWorld(f"{place}.pieces: a list of tables is wanted")
    return Gateway(
        name=name,
        fee_rate=number(said, "fee", place, default=0.0, most=0.999),
        fee_fixed_minor=round(number(said, "fee_fixed_minor", place, default=0.0, most=AMOUNT_MAX)),
        timeout_charged=number(said, "timeout_charged", place, default=CHARGED, most=1.0),
        pieces=tuple(piece_of(table(one, f"{place}.pieces[{at}]"), f"{place}.pieces[{at}]", duration_s) for at, one in enumerate(pieces)),
    )


def piece_of(said: Mapping[str, Any], place: str, duration_s: float) -> Piece:
    only(said, PIECE_KEYS, place)
    from_s, to_s = number(said, "from_s", place, default=0.0), number(said, "to_s", place, default=duration_s)
    if from_s >= to_s:
        raise BadWorld(f"{place}: from_s {from_s:g} is not before to_s {to_s:g}")
    end = table(said.get("end", {}), f"{place}.end")
    only(end, set(FIGURES), f"{place}.end")
    if strange := [one for one in end if one not in said]:
        raise BadWorld(f"{place}.end: {strange[0]} has no value to begin with in the piece")
    figures = {one: figure(said, one, place) for one in FIGURES if one in said}
    for one in ("method", "bank"):
        if not isinstance(said.get(one, ""), str):
            raise BadWorld(f"{place}.{one}: a name is wanted, not {said[one]!r}")
    return Piece(from_s, to_s, said.get("method"), said.get("bank"), figures, {one: figure(end, one, f"{place}.end") for one in end})


def check(world: World) -> None:
    """What can only be seen with everything in view: names that nobody has, shares that sum to more than 1, percentiles out of order."""
    if (payments := world.duration_s * world.payments_per_s) < PAYMENTS_MIN:
        raise BadWorld(f"world: duration_s × payments_per_s is {payments:g} payments; at least {PAYMENTS_MIN:g} are wanted")
    for gateway in world.gateways:
        for at, piece in enumerate(gateway.pieces):
            place = f"gateways.{gateway.name}.pieces[{at}]"
            if piece.method is not None and piece.method not in world.methods:
                raise BadWorld(f"{place}.method: {piece.method!r} is not in mix.methods ({', '.join(world.methods)})")
            if piece.bank is not None and piece.bank not in world.banks:
                raise BadWorld(f"{place}.bank: {piece.bank!r} is not in mix.banks ({', '.join(filter(None, world.banks))})")
        for at_s in instants(world.changes_s):
            for method, bank in world.kinds:
                possible(gateway, at_s, method, bank)


def possible(gateway: Gateway, at_s: float, method: str, bank: str | None) -> None:
    found = gateway.figures(at_s, method, bank)
    place = f"gateways.{gateway.name} at {at_s:.0f} s, {method} {bank or 'without bank'}"
    total = sum(found[one] for one in SHARES)
    if total > 1 + 1e-9:
        raise BadWorld(f"{place}: success + user_decline + timeout is {total:g}, more than 1 (what a piece leaves out has its default)")
    if found["latency_ms_p50"] > found["latency_ms_p95"]:
        raise BadWorld(f"{place}: latency_ms_p50 {found['latency_ms_p50']:g} is above latency_ms_p95 {found['latency_ms_p95']:g}")


def instants(changes_s: Sequence[float]) -> Iterable[float]:
    """Just within both ends of every stretch: what is linear between them is within bounds if it is at its ends."""
    for begin, end in pairwise(changes_s):
        yield from (begin, end - 1e-6 * (end - begin))


def figure(said: Mapping[str, Any], name: str, place: str) -> float:
    return number(said, name, place, most=1.0) if name in SHARES else number(said, name, place, above=0.0)


def number(
    said: Mapping[str, Any], name: str, place: str, *, default: float | None = None, above: float | None = None, most: float = NUMBER_MAX
) -> float:
    """At least 0 (or above `above`), at most `most`, and finite."""
    value = said.get(name, default)
    if value is None:
        raise BadWorld(f"{place}: {name} is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not -math.inf < value < math.inf:
        raise BadWorld(f"{place}.{name}: a number is wanted, not {value!r}")
    if value < 0 or (above is not None and value <= above) or value > most:
        bounds = f"above {above:g}" if above is not None else "0 or more"
        raise BadWorld(f"{place}.{name}: {value!r} is not {bounds}{'' if value <= most else f' and at most {most:g}'}")
    return float(value)


def weights(said: Any, place: str) -> dict[str, float]:
    """A table of weights, or a list of names that weigh the same; they need not sum to 1."""
    if isinstance(said, list) and all(isinstance(one, str | int) for one in said):
        said = {str(one): 1.0 for one in said}
    if not isinstance(said, dict):
        raise BadWorld(f"{place}: a table of weights is wanted; {MIX_FORM}")
    found = {name: number(said, name, place) for name in table(said, place)}
    if sum(found.values()) <= 0:
        raise BadWorld(f"{place}: no weight above 0")
    return {name: one for name, one in found.items() if one > 0}


def methods_of(found: Mapping[str, float]) -> Mapping[str, float]:
    if strange := [one for one in found if one not in METHODS]:
        raise BadWorld(f"mix.methods: no method {strange[0]!r}; there are {', '.join(METHODS)}")
    return found


def amounts_of(found: Mapping[str, float]) -> dict[int, float]:
    if strange := [one for one in found if not re.fullmatch(r"[0-9]{1,16}", one) or not 0 < int(one) <= AMOUNT_MAX]:
        raise BadWorld(f"mix.amounts: {strange[0]!r} is no amount in minor units")
    return {int(amount): one for amount, one in found.items()}


def only(said: Mapping[str, Any], known: set[str], place: str) -> None:
    if strange := sorted(set(said) - known):
        raise BadWorld(f"{place}: unknown {strange[0]!r}; there are {', '.join(sorted(known))}")


def table(said: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise BadWorld(f"{place}: a table is wanted, not {said!r}")
    return said
