"""`imagej-dl new`: the folders, and what it says comes next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, progress, project, rois
from imagej_dl.commands.labels import Labels
from imagej_dl.commands.new import New


def test_what_it_says_is_what_labels_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cells"
    New.declare({"project": folder}).run(progress.silent)
    said = capsys.readouterr().out
    image, roiset = "Labeling/NAME/images/NAME.tif", "Labeling/NAME/RoiSet.zip"
    assert image in said
    assert roiset in said
    assert f"imagej-dl labels {folder}" in said
    assert "Raw" not in said
    (folder / "Labeling" / "a" / "images").mkdir(parents=True)
    images.write(images.make(np.zeros((4, 4), np.uint8)), folder / image.replace("NAME", "a"))
    rois.write([rois.Roi("rectangle", box=(0, 0, 2, 2))], folder / roiset.replace("NAME", "a"))
    Labels.declare({"source": folder}).run(progress.silent)
    assert [pair.name for pair in project.pairs(folder)] == ["a"]
