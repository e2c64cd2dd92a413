"""What earlier versions promised by name still holds: more may have come, nothing may have gone."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from version_declarations import declarations, resolve, trackers

from imagej_dl import commands, training
from imagej_dl.commands import menu
from imagej_dl.errors import UserError

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/declarations.json"))
SAMPLES = {"text": "some", "int": "8", "float": "0.5", "file": "a.tif", "folder": "a"}


CHANGED = {"kind": ("border", "distance")}
"""Defaults before and now, of keys; the changelog names each."""
OWN = {"scenes": "all", "axes": "TYX", "image_axes": "TYX", "tile": "512"}
"""Of keys that take not every text or number."""


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return declarations()


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.parent.name)
def before(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_there_are_some() -> None:
    assert FILES


def test_commands_of_the_menu(before: dict[str, Any], now: dict[str, Any]) -> None:
    for name, command in before["menu"].items():
        assert now["menu"][name]["label"] == command["label"]
        fields = {field["key"]: field for field in now["menu"][name]["fields"]}
        for field in command["fields"]:
            found = _as_before(field["key"], fields[field["key"]])
            same = {"type", "default", "required", "several", "unit"}
            same -= _released(field["required"], found["required"], {"default", "required"})
            assert {k: found[k] for k in same} == {k: field[k] for k in same}, (name, field["key"])
            assert set(field["choices"]) <= set(found["choices"]), (name, field["key"])
            assert set(field) <= set(found)


def test_keys_of_commands(before: dict[str, Any], now: dict[str, Any]) -> None:
    for name, keys in before["commands"].items():
        for key, told in keys.items():
            found = _as_before(key, now["commands"][name][key])
            choices = set(told.pop("choices"))
            assert choices <= set(found.pop("choices")), (name, key)
            same = told.keys() - _released(told["needed"], found["needed"], {"default", "needed"})
            assert {k: found[k] for k in same} == {k: told[k] for k in same}, (name, key)
        added = set(now["commands"][name]) - set(keys)
        assert not [k for k in added if now["commands"][name][k]["needed"]], name
        places = [k for k, told in keys.items() if told["positional"]]
        assert [k for k in now["commands"][name] if k in places] == places


def test_each_macro_line_is_taken(before: dict[str, Any]) -> None:
    """Each key with each of its choices, beside those that the command needs."""
    count = 0
    for name, command in before["menu"].items():
        fields = command["fields"]
        needed = {f["key"]: _values(f)[0] for f in fields if f["needed"] or f["required"]}
        for field in fields:
            for value in _values(field):
                given = menu.parse(name, needed | {field["key"]: value})
                commands.load(name).declare(given)
                count += 1
    assert count > 100


def test_a_key_that_has_gone_is_seen() -> None:
    """The test above can fail."""
    with pytest.raises(UserError, match="unknown"):
        commands.load("train").declare(menu.parse("train", {"project": "p", "epoch": "3"}))


def test_defaults_of_trackers_and_of_trainings(before: dict[str, Any], now: dict[str, Any]) -> None:
    found = trackers(before["trackers"])
    for name, told in before["trackers"].items():
        assert {key: found[name][key] for key in told} == told, name
    for key, value in before["training"].items():
        found = _as_before(key, {"default": now["training"][key]})
        assert found["default"] == value, key
        assert training.Settings.model_validate({key: value})


def test_functions_and_macros(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert set(before["functions of macros"]) <= set(now["functions of macros"])
    for name, options in before["macros"].items():
        assert set(options) <= set(now["macros"][name]), name


def test_public_names(before: dict[str, Any]) -> None:
    dotted = before["names"].pop("dotted")
    whole = [f"{package}.{name}" for package, names in before["names"].items() for name in names]
    assert not [name for name in [*whole, *dotted] if resolve(name) is None]
    for package, names in before["names"].items():
        assert set(names) <= set(resolve(package).__all__), package


def test_parameters_of_public_names(before: dict[str, Any]) -> None:
    """They keep their order, or are all given by name; those that were added have defaults."""
    for name, names in before["parameters"].items():
        found = inspect.signature(resolve(name)).parameters
        named = {p.kind for p in found.values()} == {inspect.Parameter.KEYWORD_ONLY}
        kept = [key for key in found if key in names]
        assert (sorted(kept) == sorted(names)) if named else (kept == names), name
        added = [p for key, p in found.items() if key not in names]
        optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        required = [p for p in added if p.default is p.empty and p.kind not in optional]
        assert not required, name


def test_worker(before: dict[str, Any], now: dict[str, Any]) -> None:
    """The functions that ImageJ's side calls, their arguments, and the keys of the answers."""
    old, new = before["worker"], now["worker"]
    assert set(old["called"]) <= set(new["functions"])
    for name, parameters in old["functions"].items():
        assert new["functions"][name][: len(parameters)] == parameters, name
    for part in ("commands", "holding", "takes", "plans", "refusals"):
        assert _within(old[part], new[part]), part


def _as_before(key: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a key, with the default that it had before a declared change."""
    before, now = CHANGED.get(key, (None, None))
    return {**told, "default": before} if now is not None and told["default"] == now else dict(told)


def _released(before: bool, now: bool, parts: set[str]) -> set[str]:
    """Return what a key may say otherwise: one that had to be given may have got a default."""
    return parts if before and not now else set()


def _values(field: dict[str, Any]) -> list[str]:
    if field["type"] == "choice":
        return list(field["choices"])
    if isinstance(field["default"], int | float) and not isinstance(field["default"], bool):
        return [str(field["default"])]
    return (
        ["0", "1"] if field["type"] == "bool" else [OWN.get(field["key"]) or SAMPLES[field["type"]]]
    )


def _within(old: Any, new: Any) -> bool:
    if isinstance(old, dict):
        return all(key in new and _within(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return not old or _within(old[0], new[0])
    return bool(old == new)
