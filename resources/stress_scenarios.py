"""The scenarios of stress, from a YAML file: the packaged one, or the firm's own by ``DAYBOOK_STRESS``.

Belongs here: reading the file, and saying what is wrong in it and where. Does not belong here: what a scenario means
(``daybook.risk.stress``).

A mistake within a scenario costs that one: it becomes a scenario whose reason names file, line, key, value and what is
wrong, so that it stands in the results of every book and no limit passes by it. So does a file that cannot be read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from daybook.risk.stress import DIMENSIONS, Replay, Scenario, Shock, Unreadable
from resources.settings import settings

PACKAGED = Path(__file__).with_name("stress.yaml")
SECTIONS = ("replays", "shocks", "reverse")


@dataclass(frozen=True)
class Declared:
    """What the file says.

    Attributes:
        scenarios: by name; ``Unreadable`` where the file is wrong.
        losses: fractions of NAV that reverse stress asks for.
    """

    scenarios: Mapping[str, Scenario]
    losses: tuple[float, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong in the file, one text each."""
        return tuple(s.reason for s in self.scenarios.values() if isinstance(s, Unreadable))


class _MistakeError(ValueError):
    """Something in the file cannot be used."""

    def __init__(self, node: yaml.Node, key: str, reason: str) -> None:
        value = f" {node.value!r}" if isinstance(node, yaml.ScalarNode) else ""
        super().__init__(f"line {node.start_mark.line + 1}, {key}:{value} {reason}")


def declared() -> Declared:
    """The scenarios in force: those of ``DAYBOOK_STRESS``, else the packaged ones."""
    return read(settings().stress or PACKAGED)


def read(path: Path) -> Declared:
    """The scenarios of one file; never raises for what is in it, or for its absence."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        return _whole(path, f"{path}: cannot be read: {error.strerror or error}")
    except UnicodeDecodeError:
        return _whole(path, f"{path}: is not UTF-8 text")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        return _whole(path, f"{path}{where}: is not YAML: {getattr(error, 'problem', None) or error}")
    if root is None:
        return _whole(path, f"{path}: is empty: name at least one scenario")
    try:
        sections = _entries(root, "the file", SECTIONS)
    except _MistakeError as mistake:
        return _whole(path, f"{path}, {mistake}")
    scenarios: dict[str, Scenario] = {}
    readers: tuple[tuple[str, Callable[[str, yaml.Node], Scenario]], ...] = (("replays", _replay), ("shocks", _shock))
    for section, reader in readers:
        if section not in sections:
            continue
        try:
            named = _entries(sections[section], section)
        except _MistakeError as mistake:
            scenarios[section] = Unreadable(f"{path}, {mistake}")
            continue
        for name, node in named.items():
            try:
                if name in scenarios:
                    raise _MistakeError(node, name, "names a scenario that there is already")
                scenarios[name] = reader(name, node)
            except _MistakeError as mistake:
                scenarios[name] = Unreadable(f"{path}, {mistake}")
    losses: tuple[float, ...] = ()
    if "reverse" in sections:
        try:
            losses = _losses(sections["reverse"])
        except _MistakeError as mistake:
            scenarios["reverse"] = Unreadable(f"{path}, {mistake}")
    return Declared(scenarios, losses)


def _whole(path: Path, reason: str) -> Declared:
    return Declared({path.name: Unreadable(reason)}, ())


def _replay(name: str, node: yaml.Node) -> Replay:
    of = _entries(node, name, ("first", "last", "market", "currencies"))
    for key in ("first", "last"):
        if key not in of:
            raise _MistakeError(node, f"{name}.{key}", "is missing")
    first, last = (_date(of[key], f"{name}.{key}") for key in ("first", "last"))
    if first >= last:
        raise _MistakeError(of["last"], f"{name}.last", f"is not after {first:%Y-%m-%d}")
    market = _return(of["market"], f"{name}.market") if "market" in of else float("nan")
    return Replay(first, last, market, _returns(of.get("currencies"), f"{name}.currencies"))


def _shock(name: str, node: yaml.Node) -> Shock:
    known = ("local", "foreign_currency", "currencies", "factors", "rates", "volatility", "correlated")
    of = _entries(node, name, known)
    if not of:
        raise _MistakeError(node, name, "shocks nothing")
    local = _entries(of["local"], f"{name}.local", DIMENSIONS) if "local" in of else {}
    if "foreign_currency" in of and "currencies" in of:
        raise _MistakeError(of["currencies"], f"{name}.currencies", "goes not together with foreign_currency")
    shock = Shock(
        local={dimension: _returns(moves, f"{name}.local.{dimension}") for dimension, moves in local.items()},
        foreign_currency=_return(of["foreign_currency"], f"{name}.foreign_currency") if "foreign_currency" in of else 0,
        currencies=_returns(of.get("currencies"), f"{name}.currencies"),
        factors=_numbers(of.get("factors"), f"{name}.factors"),
        rates=_number(of["rates"], f"{name}.rates") if "rates" in of else 0.0,
        volatility=_return(of["volatility"], f"{name}.volatility") if "volatility" in of else 0.0,
        correlated=_flag(of["correlated"], f"{name}.correlated") if "correlated" in of else False,
    )
    if shock.correlated and not (shock.factors or shock.currencies or shock.local.get("instrument")):
        raise _MistakeError(of["correlated"], f"{name}.correlated", "needs factors, currencies or instruments to go by")
    return shock


def _losses(node: yaml.Node) -> tuple[float, ...]:
    of = _entries(node, "reverse", ("losses",))
    found = of.get("losses")
    if not isinstance(found, yaml.SequenceNode) or not found.value:
        raise _MistakeError(found or node, "reverse.losses", "is no list of fractions of NAV, such as [0.1, 0.2]")
    losses = [_number(each, "reverse.losses") for each in found.value]
    for each, loss in zip(found.value, losses, strict=True):
        if not loss > 0:
            raise _MistakeError(each, "reverse.losses", "is no loss: give fractions of NAV above 0")
    return tuple(sorted(set(losses)))


def _entries(node: yaml.Node, key: str, allowed: tuple[str, ...] = ()) -> dict[str, yaml.Node]:
    """The values of a mapping by key."""
    if not isinstance(node, yaml.MappingNode):
        raise _MistakeError(node, key, "is no mapping of names to values")
    found: dict[str, yaml.Node] = {}
    for name, value in node.value:
        if not isinstance(name, yaml.ScalarNode) or not name.value:
            raise _MistakeError(name, key, "is no name")
        if name.value in found:
            raise _MistakeError(name, key, "stands there twice")
        if allowed and name.value not in allowed:
            raise _MistakeError(name, key, "is unknown: there are " + ", ".join(allowed))
        found[name.value] = value
    return found


def _date(node: yaml.Node, key: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(date.fromisoformat(str(node.value)))
    except ValueError as error:
        raise _MistakeError(node, key, "is no date: write it as 2020-02-19") from error


def _number(node: yaml.Node, key: str) -> float:
    try:
        number = float(node.value) if isinstance(node, yaml.ScalarNode) else float("nan")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise _MistakeError(node, key, "is no number")
    return number


def _return(node: yaml.Node, key: str) -> float:
    number = _number(node, key)
    if not number > -1:
        raise _MistakeError(node, key, "is no return: give a fraction above -1, -0.2 for a fall of a fifth")
    return number


def _returns(node: yaml.Node | None, key: str) -> dict[str, float]:
    return {} if node is None else {name: _return(of, f"{key}.{name}") for name, of in _entries(node, key).items()}


def _numbers(node: yaml.Node | None, key: str) -> dict[str, float]:
    return {} if node is None else {name: _number(of, f"{key}.{name}") for name, of in _entries(node, key).items()}


def _flag(node: yaml.Node, key: str) -> bool:
    words: dict[Any, bool] = {"true": True, "false": False}
    given = str(node.value).lower()
    if given not in words:
        raise _MistakeError(node, key, "is neither true nor false")
    return words[given]
