"""environment.yml, for conda users, asks for what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
CONDA = {"matplotlib": "matplotlib-base"}
"""PyPI's names that conda-forge has otherwise: matplotlib itself brings Qt there."""
CONDAS_OWN = {"python", "pip", "openjdk"}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def asked() -> tuple[dict[str, SpecifierSet], dict[str, SpecifierSet], Requirement]:
    """What conda installs, what pip installs, and the project itself with its extras."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    (inner,) = (line["pip"] for line in lines if isinstance(line, dict))
    (own,) = (line for line in inner if line.startswith("."))
    conda = [
        Requirement(re.sub(r"(?<=\w)=", "==", line)) for line in lines if isinstance(line, str)
    ]
    pip = [Requirement(line) for line in inner if line != own]
    names = ({one.name: one.specifier for one in many} for many in (conda, pip))
    return (*names, Requirement("imagej-dl" + own[1:]))


def test_all_that_is_needed_is_asked_for_in_the_same_versions(project, asked):
    conda, pip, own = asked
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + [line for extra in own.extras for line in extras[extra]]
    needed = {one.name: one.specifier for one in map(Requirement, lines)}
    by_conda = {CONDA.get(name, name): name for name in needed if name not in pip}
    assert conda.keys() - CONDAS_OWN == by_conda.keys()
    assert pip.keys() <= needed.keys()
    found = {by_conda[name]: conda[name] for name in by_conda} | pip
    assert found == needed


def test_its_python_is_one_of_the_projects(project, asked):
    (version,) = asked[0]["python"]
    assert SpecifierSet(project["requires-python"]).contains(version.version)
