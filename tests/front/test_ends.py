"""ImageJ without a screen, without a network, and killed: what is said, and what stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hosted
import numpy as np
import pytest
from own_process import QUICK_JAVA

from imagej_dl import fiji, images, rois

pytestmark = [pytest.mark.jvm, pytest.mark.tf]
QUICK = {"JAVA_TOOL_OPTIONS": " ".join(QUICK_JAVA)}


def _left_alone(project: str, cells: str, out: str, home: str) -> list[int]:
    """Begin a training by the menu; this process is killed while it runs."""
    front = hosted.start(IMAGEJ_DL_HOME=home)
    hosted.jimport("ij.IJ").open(cells)
    hosted.train(front, project=project, out=out, epochs=5000)
    hosted.wait(lambda: hosted.window("PlotWindow", "Training of"), 120, "an epoch")
    return hosted.workers()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.thorough
@pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")
def test_a_training_ends_with_imagej_and_goes_on_later(
    own_process: Any, small_project: Path, cells: Path, tmp_path: Path
) -> None:
    out, home = tmp_path / "model", tmp_path / "home"
    with hosted.no_leftovers():
        # own_process kills ImageJ's process once it has its answer.
        pids = own_process(_left_alone, *map(str, (small_project, cells, out, home)))
        assert len(pids) == 2
        hosted.wait(lambda: not any(map(_runs, pids)), 120, "the end of the workers")
    command = [sys.executable, "-m", "imagej_dl", "train", small_project, "--out", out]
    env = os.environ | {"IMAGEJ_DL_HOME": str(home)}
    subprocess.run(
        [*map(str, command), "--resume", "--minutes", "0.01"],
        check=True,
        env=env,
        timeout=120,
        capture_output=True,
    )
    assert json.loads((out / "metrics.json").read_text())["epochs"] >= 1


def _headless(folder: Path, macro: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = folder / "macro.ijm"
    path.write_text(macro)
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "FIJI_HOME")}
    return subprocess.run(
        [sys.executable, "-m", "imagej_dl", "fiji", "--headless", "--macro", str(path)],
        env=kept | {"IMAGEJ_DL_HOME": str(folder / "home")} | QUICK | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.thorough
def test_pain_3_no_roi_manager_is_needed(
    threshold_model: Path, cells: Path, tmp_path: Path
) -> None:
    done = _headless(
        tmp_path,
        f'open("{cells}"); run("ImageJ-DL Predict", "model=[{threshold_model}] '
        f'out=[{tmp_path}/out]"); return "" + getTitle() + " " + Overlay.size;',
    )
    assert done.returncode == 0, done.stderr
    labels, count = hosted.python_labels(threshold_model, cells)
    assert f"cells-labels {count}" in done.stdout
    assert len(rois.read(tmp_path / "out" / "cells_RoiSet.zip")) == count
    assert np.array_equal(images.read(tmp_path / "out" / "cells.tif").data, labels.data)


@pytest.mark.thorough(except_for=["a wrong key"])
@pytest.mark.parametrize(
    ("options", "words"),
    [("modle=[x]", ["modle", "unknown key"]), ("model=[{folder}/foreign]", ["foreign"])],
    ids=["a wrong key", "a foreign model"],
)
def test_headless_the_words_and_an_exit_code(
    cells: Path, tmp_path: Path, options: str, words: list[str]
) -> None:
    (tmp_path / "foreign").mkdir()
    line = options.format(folder=tmp_path)
    done = _headless(
        tmp_path, f'open("{cells}"); run("ImageJ-DL Predict", "{line}"); print("went on");'
    )
    assert done.returncode == 2, done.stdout
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert "went on" not in done.stdout


def test_no_tensorflow_is_said(threshold_model: Path, cells: Path, tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "tensorflow.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'tensorflow'\", name='tensorflow')\n"
    )
    done = _headless(
        tmp_path,
        f'open("{cells}"); run("ImageJ-DL Predict", "model=[{threshold_model}]");',
        PYTHONPATH=str(stub),
    )
    assert done.returncode == 2, done.stdout
    assert "TensorFlow cannot be imported" in done.stderr
    assert "pip install --force-reinstall tensorflow" in done.stderr
    assert "Traceback" not in done.stderr


def test_pain_6_no_network_is_said_at_once(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"
    env = {k: v for k, v in os.environ.items() if k not in ("JAVA_HOME", "FIJI_HOME", "DISPLAY")}
    env |= {"HOME": str(tmp_path), "HTTPS_PROXY": dead, "HTTP_PROXY": dead, "NO_PROXY": ""}
    (tmp_path / "macro.ijm").write_text("return 1;")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "imagej_dl", "fiji", "--headless", "--macro", "macro.ijm"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "no network" in done.stderr
    assert "--fiji" in done.stderr
    assert time.monotonic() - began < 60
