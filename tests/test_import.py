"""Importing imagej_dl changes nothing of the process that imports it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import imagej_dl

PACKAGE = Path(imagej_dl.__file__).parent
TOP = PACKAGE.parent
NOT_MODULES = ("__main__", "runners")  # programs: they run when they are imported
KERAS = re.compile(r"^keras = backend\.keras\(\)$", re.MULTILINE)
"""In modules with subclasses of Keras' own, which import it; only training does import them."""
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ctc_metrics": "py-ctcmetrics",
    "imagej": "pyimagej",
    "imageio_ffmpeg": "imageio-ffmpeg",
    "jpype": "jpype1",
    "pydantic_core": "pydantic",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}
"""Where a library's distribution is called otherwise than its module."""
RUN_BY_OTHERS = {"geff", "networkx"}
"""Asked for by name in :mod:`imagej_dl.optional`; the extra geff brings both."""

SCRIPT = """
import importlib, locale, logging, os, signal, sys, threading, warnings

import numpy as np

# What others do at their import is theirs: they come first.
for name in THEIRS:
    try:
        importlib.import_module(name)
    except ImportError:
        pass


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def loggers():
    found = {"": logging.root, **logging.root.manager.loggerDict}
    return {
        name: (log.level, log.propagate, log.disabled, list(log.handlers), list(log.filters))
        for name, log in found.items()
        if isinstance(log, logging.Logger) and not name.startswith("imagej_dl")
    }


def state():
    matplotlib = sys.modules.get("matplotlib")
    processes = sys.modules.get("multiprocessing")
    return {
        "loggers": loggers(),
        "logging.disable": logging.root.manager.disable,
        "warnings": list(warnings.filters),
        "showwarning": warnings.showwarning,
        "umask": umask(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "locale": locale.setlocale(locale.LC_ALL),
        "signals": {s: signal.getsignal(s) for s in signal.valid_signals()},
        "NumPy's errors": np.geterr(),
        "NumPy's printing": np.get_printoptions(),
        "NumPy's random numbers": np.random.get_state()[1].tolist(),
        "excepthook": (sys.excepthook, threading.excepthook, sys.unraisablehook),
        "streams": (sys.stdin, sys.stdout, sys.stderr, sys.displayhook),
        "recursion": sys.getrecursionlimit(),
        "backend": matplotlib and dict(matplotlib.rcParams),
        "start method": processes and processes.get_start_method(allow_none=True),
        "threads": threading.active_count(),
    }


before = state()
calls = []
real = os.umask
os.umask = lambda mask: calls.append(mask) or real(mask)  # not for a moment, either
importlib.import_module(MODULE) if MODULE else None
for name in MODULES:
    importlib.import_module(name)
os.umask = real
after = state()
for key, value in before.items():
    now = after[key]
    if key == "loggers":  # a new one that is as it was made changes nothing
        fresh = (logging.NOTSET, True, False, [], [])
        now = {name: how for name, how in now.items() if name in value or how != fresh}
    assert now == value, f"{key}: {value} -> {now}"
assert not calls, f"umask was set for a moment: {calls}"
heavy = {"tensorflow", "keras", "jpype", "scyjava", "imagej", "matplotlib"} & sys.modules.keys()
assert not heavy, heavy
"""


def _process(theirs: list[str], module: str, modules: list[str]) -> None:
    head = f"THEIRS, MODULE, MODULES = {theirs!r}, {module!r}, {modules!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", head + SCRIPT], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_package() -> None:
    """With nothing imported before it: what its own dependencies do counts, too."""
    _process([], "imagej_dl", [])
    _process([], "imagej_dl.cli", [])


@pytest.mark.slow
def test_every_module() -> None:
    names = [
        ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
        for path in sources()
        if not KERAS.search(path.read_text(encoding="utf-8"))
    ]
    assert len(names) > 200
    theirs = {name for path in sources() for name, at_the_top in imported(path) if at_the_top}
    theirs = {name for name in theirs if name.split(".")[0] != "imagej_dl"}
    _process(sorted(theirs), "", names)


def sources() -> list[Path]:
    """Return the package's modules, but for those that are programs."""
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if not any(part in NOT_MODULES for part in path.relative_to(TOP).with_suffix("").parts)
    ]


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Give the libraries that a module imports, and whether it does so when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # What is imported may be a module, as in `from scipy import ndimage`.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names.insert(0, node.module or "")
        for name in names:
            if name.split(".")[0] not in sys.stdlib_module_names:
                yield name.split(".")[0] if node not in tree.body else name, node in tree.body


@pytest.mark.slow
def test_what_is_imported_is_asked_for() -> None:
    """No library is there only because another one brings it; none is asked for in vain."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {Requirement(line).name for line in project["dependencies"]}
    extras = {
        Requirement(line).name
        for name, lines in project["optional-dependencies"].items()
        if name not in ("test", "docs", "bench")
        for line in lines
    }
    used = {name.split(".")[0] for path in sources() for name, _ in imported(path)}
    used = {DISTRIBUTIONS.get(name, name) for name in used - {"imagej_dl"}}
    assert used - needed - extras - RUN_BY_OTHERS == set()
    assert needed - used == set()


def test_extras_are_named_where_they_lack() -> None:
    """The message of a library that is not there says which extra brings it."""
    extras = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    text = "".join(path.read_text("utf-8") for path in sources())
    named = set(re.findall(r'imagej-dl\[(\w+)\]|\bextra="(?!forbid|ignore)(\w+)"', text))
    named = {name for pair in named for name in pair if name}
    assert named <= extras.keys()
    assert extras.keys() - {"all", "bench", "docs", "test"} - named == set()
