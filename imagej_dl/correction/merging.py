"""Merge the states of two runs on one project: neither undoes what the other has decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from imagej_dl.correction.state import State

V = TypeVar("V")


def merged(base: State, mine: State, theirs: State) -> State:
    """Return the state with the changes of both since `base`; where both changed one thing, mine.

    Parameters
    ----------
    base : as it was read.
    mine : as it is in this run.
    theirs : as it is on disk now.
    """
    found: dict[str, Any] = {}
    for name in type(base).model_fields:
        was, own, other = (getattr(state, name) for state in (base, mine, theirs))
        if isinstance(was, dict) and name != "trained":  # which is of one retraining, whole
            found[name] = _entries(was, own, other)
        elif name in ("empty", "sparse", "whole"):
            found[name] = sorted((set(other) | (set(own) - set(was))) - (set(was) - set(own)))
        elif name == "retrained":
            found[name] = _rounds(was, own, other)
        elif name == "present":  # one that was named during a retraining stays named
            found[name] = other if other != was else own
        else:
            found[name] = other if own == was else own
    return type(base)(**found)


def _entries(was: dict[str, V], own: dict[str, V], other: dict[str, V]) -> dict[str, V]:
    found = dict(other)
    for key in {*was, *own}:
        if own.get(key) == was.get(key):
            continue
        if key in own:
            found[key] = own[key]
        else:
            found.pop(key, None)
    return found


def _rounds(was: Sequence[Any], own: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """Keep one entry for each round: the other's, and mine where it is new or was changed."""
    found = {item.round: item for item in other}
    before = {item.round: item for item in was}
    found |= {item.round: item for item in own if before.get(item.round) != item}
    return [found[number] for number in sorted(found)]
