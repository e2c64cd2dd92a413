"""Test the rules of the house on its source: one way for the data, light imports, plain words."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import imagej_dl

HOUSE = Path(imagej_dl.__file__).parent
HEAVY = {"tensorflow", "keras", "jpype", "scyjava", "imagej", "tkinter", "matplotlib", "optuna"}
LATER = {
    "rois": {"training", "prediction", "tracking", "evaluation", "correction", "fiji", "commands"},
    "images": {"rois", "training", "prediction", "tracking", "evaluation", "fiji", "commands"},
    "geometry": {"rois", "images", "training", "prediction", "tracking", "commands"},
    "training": {"tracking", "correction", "fiji", "commands", "web", "worker"},
    "prediction": {"tracking", "correction", "fiji", "commands", "web", "worker"},
    "tracking": {"correction", "commands", "web", "worker"},
}
"""Of each step the ones that come after it, which it must not know."""
NO_OPENING = {"What", "Say", "Says", "Whether", "How", "Who", "Whose", "Which", "Where", "When"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        parts = ("imagej_dl", *path.relative_to(HOUSE).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if "runners" not in parts:  # run by a Python of their own
            found[name] = path
    return found


def imports(path: Path, known: dict[str, Path], later: bool = False) -> set[str]:
    """Return the modules that a module imports; those of `later` also when a function is called.

    What only type checkers import does not count.
    """
    needed: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef) and not later:
            return
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            needed.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                needed.add(whole if whole in known else node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree(path))
    return needed


def test_no_circle_of_imports() -> None:
    known = modules()
    graph = {name: imports(path, known, later=True) & set(known) for name, path in known.items()}
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " imports ".join([*way[way.index(name) :], name])
        if name in done:
            return
        # A package's own modules are below it: what it collects of them is no circle.
        for other in sorted(graph[name]):
            if not name.startswith(f"{other}."):
                walk(other, (*way, name))
        done.add(name)

    for name in sorted(graph):
        walk(name, ())


def pairs() -> list[tuple[str, str]]:
    """Return each module with each that it needs to be imported."""
    known = modules()
    return [(name, other) for name, path in known.items() for other in sorted(imports(path, known))]


def test_data_flows_one_way() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, other in pairs()
        if other.startswith("imagej_dl.")
        and other.split(".")[1] in LATER.get([*name.split("."), ""][1], set())
    ]
    assert not wrong


def test_importing_a_module_is_light() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, other in pairs()
        if other.split(".")[0] in HEAVY and name != "imagej_dl.models.convlstm"
    ]
    assert not wrong


def docstrings(path: Path) -> list[tuple[int, str]]:
    """Return line and text of the docstrings of a module, its parts and its attributes."""
    found = []
    for node in ast.walk(tree(path)):
        body = getattr(node, "body", None)
        for before, after in (
            zip([None, *body], body, strict=False) if isinstance(body, list) else ()
        ):
            if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
                continue
            if isinstance(after.value.value, str) and isinstance(
                before, ast.Assign | ast.AnnAssign | None
            ):
                found.append((after.lineno, after.value.value))
    return found


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    wrong = [
        f"{path.relative_to(HOUSE)}:{line}: {text.strip().splitlines()[0]}"
        for path in HOUSE.rglob("*.py")
        for line, text in docstrings(path)
        if text.split()[0] in NO_OPENING
    ]
    assert not wrong, "\n".join(wrong)


def test_names_of_test_modules_are_unique() -> None:
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)  # pytest imports them by their names
