"""What a version promises to others by name: commands, macro keys, public names, the worker."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

import imagej_dl
from imagej_dl import commands, tracking, training
from imagej_dl.commands import menu

TOP = Path(__file__).resolve().parents[2]
FRONT = Path(imagej_dl.__file__).parent / "fiji" / "front" / "imagejdl"


ENGINES = (*tracking.TRACKERS, "MOTILE", "BTRACK", "TRACKASTRA")


def declarations() -> dict[str, Any]:
    """Return all of it, as JSON can hold it."""
    return {
        "menu": {name: menu.describe(name) for name in menu.MENU},
        "commands": {name: _command(name) for name in commands.TABLE},
        "trackers": trackers(ENGINES),
        "training": training.Settings().model_dump(mode="json"),
        "functions of macros": _functions(),
        "macros": _macros(),
        "names": _names(),
        "parameters": _parameters(),
        "worker": _worker(),
    }


def trackers(names: Iterable[str]) -> dict[str, Any]:
    """Return what a settings file of each tracker holds that gives its key only."""
    return {name: tracking.make_settings(name).to_json() for name in names}


def _command(name: str) -> dict[str, Any]:
    """Return the keys of a command: of its options, of JSON, and of macros."""
    declaration = commands.load(name)
    keys = {}
    for key, field in declaration.model_fields.items():
        needed = field.is_required()
        default = None if needed else field.get_default(call_default_factory=True)
        told = menu.field(declaration, key)
        keys[key] = {
            "needed": needed,
            "default": to_jsonable_python(default),
            "positional": declaration.is_positional(key),
            "type": told["type"],
            "several": told["several"],
            "choices": told["choices"],
        }
    return keys


def _functions() -> list[str]:
    """Return the functions that macros call as Ext.dl_…."""
    text = (FRONT / "Extensions.groovy").read_text(encoding="utf-8")
    return sorted(re.findall(r"private \w+ (dl_\w+)\(", text))


def _macros() -> dict[str, list[str]]:
    """Return the options that each ready macro reads."""
    files = sorted((TOP / "macros").glob("*.ijm"))
    read = re.compile(r'(?:option|given)\("(\w+)"')
    return {p.name: sorted(set(read.findall(p.read_text(encoding="utf-8")))) for p in files}


def _names() -> dict[str, list[str]]:
    """Return the public names of each package, and the modules that documents and files name."""
    found = {"imagej_dl": sorted(imagej_dl.__all__)}
    for package in pkgutil.walk_packages(imagej_dl.__path__, "imagej_dl."):
        if package.ispkg:
            module = importlib.import_module(package.name)
            if hasattr(module, "__all__"):
                found[package.name] = sorted(module.__all__)
    return found | {"dotted": _dotted()}


def _parameters() -> dict[str, list[str]]:
    """Return the parameters of all public functions and classes."""
    found = {}
    for package, names in _names().items():
        for name in names if package != "dotted" else ():
            thing = resolve(f"{package}.{name}")
            with contextlib.suppress(TypeError, ValueError):
                found[f"{package}.{name}"] = list(inspect.signature(thing).parameters)
    return found


def _dotted() -> list[str]:
    """Return the dotted names in documents and macros, and that in files of models."""
    texts = [TOP / "README.md", *(TOP / "docs").glob("*.md"), *(TOP / "macros").rglob("*.*")]
    found = {"imagej_dl.models.convlstm"}
    for path in texts:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\bimagej_dl(?:\.[A-Za-z_]\w*)+", text))
        for module, names in re.findall(r"from (imagej_dl[.\w]*) import ([\w, ]+)", text):
            found |= {f"{module}.{name.strip()}" for name in names.split(",") if name.strip()}
    return sorted(name for name in found if resolve(name) is not None)


def resolve(name: str) -> Any:
    """Return what a dotted name means; None where there is no such thing."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        for part in parts[count:]:
            thing = getattr(thing, part, None)
        return thing
    return None


def _worker() -> dict[str, Any]:
    """Return the functions that ImageJ's side calls, their arguments, and what they answer."""
    from imagej_dl import worker

    functions = {}
    for name in ("commands", "holding", "remember", "plan", "run", "enough"):
        functions[name] = list(inspect.signature(getattr(worker, name)).parameters)
    return {
        "functions": functions,
        "called": called(),
        "commands": shape(worker.commands()),
        "holding": worker.holding("train") | shape(worker.holding("settings")),
        "takes": {name: _takes(name) for name in menu.MENU},
        "plans": {name: shape(worker.plan(name, values(name))) for name in menu.MENU},
        "refusals": {name: shape(worker.plan(name, {"nonsense": "1"})) for name in menu.MENU},
    }


def called() -> list[str]:
    """Return the functions that the Groovy side calls by name."""
    texts = [path.read_text(encoding="utf-8") for path in FRONT.glob("*.groovy")]
    return sorted({name for text in texts for name in re.findall(r"worker\.call\(\"(\w+)\"", text)})


def values(name: str) -> dict[str, str]:
    """Return the least that a command needs, as a macro gives it."""
    fields = menu.describe(name)["fields"]
    needed = [f["key"] for f in fields if f["needed"] or f["key"] == "out"]
    return dict.fromkeys(needed, "no/such/file")


def _takes(name: str) -> list[Any]:
    """Return what a command takes of ImageJ, and whether it is a training."""
    command = commands.load(name).declare(values(name))
    return [sorted(command.inputs()), command.live()]


def shape(value: Any) -> Any:
    """Return the keys of a dictionary and the types of what is in it; of a list its first."""
    if isinstance(value, dict):
        return {key: shape(content) for key, content in value.items()}
    if isinstance(value, list):
        return [shape(content) for content in value[:1]]
    return type(value).__name__
