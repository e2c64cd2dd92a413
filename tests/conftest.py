"""What all tests share: the data folder beside the project, a Fiji if there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test data beside the project; the test skips where it is not there."""
    if not DATA.is_dir():
        pytest.skip("needs the test data in ../shared/data, which is not here")
    return DATA


@pytest.fixture(scope="session")
def fiji_home() -> Path:
    """The Fiji folder that FIJI_HOME names; the test skips where there is none."""
    home = os.environ.get("FIJI_HOME")
    if not home:
        pytest.skip("needs a real Fiji: set FIJI_HOME to its folder")
    return Path(home)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("FIJI_HOME"):
        skip = pytest.mark.skip(reason="needs a real Fiji: set FIJI_HOME to its folder")
        for item in items:
            if "fiji" in item.keywords and item.get_closest_marker("fiji"):
                item.add_marker(skip)
