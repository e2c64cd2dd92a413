"""Objects counted by a macro: of signed labels the background is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.jvm


def _count(labels: str, macro: str) -> str:
    from imagej_dl.fiji import menu

    front = menu.install("embedded", display=False)
    try:
        path = Path(macro)
        path.write_text(
            f'open("{labels}"); run("ImageJ-DL Macro Extensions", "");'
            "return Ext.dl_count(getTitle());"
        )
        return menu.run_macro(path)
    finally:
        front.close()


@pytest.mark.parametrize("name", ["ij_saved_i16.tif", "palette.png"])
def test_objects_of_labels(
    own_process: Callable[..., Any], shared_data: Path, tmp_path: Path, name: str
) -> None:
    labels = shared_data / "faults" / "labels" / name
    assert float(own_process(_count, str(labels), str(tmp_path / "m.ijm"))) == 7
