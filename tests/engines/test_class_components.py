"""Objects of a class map, as runners make them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

import imagej_dl.engines

_FILE = Path(imagej_dl.engines.__file__).parent / "runners" / "components.py"


def test_connected_pixels_of_each_class_are_objects() -> None:
    spec = importlib.util.spec_from_file_location("components", _FILE)
    assert spec is not None
    assert spec.loader is not None
    components = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(components)
    classes = np.array([[1, 1, 0, 1], [2, 2, 1, 0], [0, 2, 0, 1]])
    found = components.objects(classes, [1, 2])
    assert found.tolist() == [[1, 1, 0, 2], [5, 5, 3, 0], [0, 5, 0, 4]]  # corners do not join
    assert components.objects(classes, [1], min_size=2).tolist() == [
        [1, 1, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]
    assert components.objects(classes, [3]).max() == 0
