"""The documentation holds together: links resolve, the nav has each page, commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from imagej_dl import commands
from imagej_dl._version import __version__

TOP = Path(__file__).resolve().parents[1]
DOCS = TOP / "docs"
PAGES = sorted([*TOP.glob("*.md"), *DOCS.rglob("*.md")])
GENERATED = {"commands.md", "contributing.md", "changelog.md"}
"""Pages that docs/extensions/pages.py gives the site; the last two lie in the root."""
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMES = [path.relative_to(TOP).as_posix() for path in PAGES]


def prose(path: Path) -> str:
    """Return a page without its code."""
    text = re.sub(r"^( *)```.*?^\1```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def shell(path: Path) -> list[str]:
    """Return the lines of a page's shell code, those that go on in the next joined."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.replace("\\\n", "").splitlines()]


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_resolve(path: Path) -> None:
    """To files and pictures; anchors are checked where the site is built."""
    for link in LINK.findall(prose(path)):
        target = unquote(link.split("#")[0])
        if target and "://" not in target and not (path.parent == DOCS and target in GENERATED):
            assert (path.parent / target).exists(), f"{path}: {link}"


def test_nav_has_each_page_once() -> None:
    text = (TOP / "mkdocs.yml").read_text("utf-8")
    nav = yaml.safe_load(text)["nav"]
    named = [page for group in nav for page in leaves(group)]
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(named) == sorted(there | GENERATED)


def leaves(node: object) -> list[str]:
    """Return the pages of a part of the nav."""
    if isinstance(node, str):
        return [node]
    parts = node.values() if isinstance(node, dict) else node
    return [page for part in parts for page in leaves(part)]  # type: ignore[attr-defined]


def test_each_picture_is_shown() -> None:
    text = "".join(path.read_text("utf-8") for path in PAGES)
    for picture in DOCS.glob("*.png"):
        assert f"{picture.name})" in text, picture.name


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_commands_and_options_exist(path: Path) -> None:
    """What pages tell to type is what the command line knows."""
    for line in shell(path):
        for call in re.findall(r"(?:^|[\s/])imagej-dl ([a-z][a-z-]*)([^&|#]*)", line):
            name, rest = call
            assert name in commands.TABLE, line
            declaration = commands.load(name)
            known = {key.replace("_", "-") for key in declaration.model_fields} | {"from-json"}
            for option in re.findall(r"--([a-z][a-z-]*)", rest):
                assert option in known or option.removeprefix("no-") in known, line


def test_contributing_names_what_exists() -> None:
    path = TOP / "CONTRIBUTING.md"
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
    markers = {line.split(":")[0] for line in project["tool"]["pytest"]["ini_options"]["markers"]}
    extras = project["project"]["optional-dependencies"]
    assert set(re.findall(r"\.\[(\w+)\]", path.read_text("utf-8"))) <= extras.keys()
    lines = shell(path)
    assert lines
    for line in lines:
        for selection in re.findall(r'-m (?:"([^"]+)"|(\w+))', line):
            words = set(re.findall(r"\w+", "".join(selection))) - {"not", "and", "or", "venv"}
            assert words <= markers, line
        for name in re.findall(r"(?:^|\s)(tests\S*|\.ci\S*|docs\S*)", line):
            assert (TOP / name).exists(), line
    for name in re.findall(
        r"`((?:tests|docs|imagej_dl|\.ci)(?:/[\w./]*)?)`", path.read_text("utf-8")
    ):
        assert (TOP / name).exists(), name


def test_contributing_has_the_readme_s_test_line() -> None:
    text = (TOP / "README.md").read_text("utf-8").split("<!-- tests -->")[1]
    line = text.split("```")[1].removeprefix("sh\n").strip()
    steps = [step.replace(".venv/bin/", "") for step in line.split(" && ")[2:]]
    assert " && ".join(steps) in shell(TOP / "CONTRIBUTING.md")


def test_folders_of_the_architecture_exist() -> None:
    text = (DOCS / "architecture.md").read_text("utf-8")
    table = text.split("## Map of the folders")[1].split("## ")[0]
    named = set(re.findall(r"^\| `([\w/]+)`", table, re.MULTILINE))
    there = {path.parent for path in (TOP / "imagej_dl").glob("*/__init__.py")}
    assert {path.relative_to(TOP).as_posix() for path in there} <= named
    assert {name for name in named if not (TOP / name).is_dir()} == set()


def test_versions_agree() -> None:
    assert f"\nversion: {__version__}\n" in (TOP / "CITATION.cff").read_text("utf-8")
    changes = (TOP / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## (\d\S*) - (\d{4}-\d\d-\d\d)$", changes, re.MULTILINE)
    assert released[0][0] == __version__
    assert f"date-released: {released[0][1]}\n" in (TOP / "CITATION.cff").read_text("utf-8")


@pytest.mark.slow
def test_page_of_commands() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "imagej_dl.commands.reference"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env={"PYTHONIOENCODING": "utf-8"},
    ).stdout
    assert re.findall(r"^## (\S+)$", made, re.MULTILINE) == list(commands.TABLE)
    assert "| `--rois, --no-rois` |" in made
