"""The notebooks of docs/notebooks run from top to bottom, and are kept without what they print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from imagej_dl import images, rois, tracking
from imagej_dl.methods.registry import METHODS

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def read(name: str) -> Any:
    return nbformat.read(FOLDER / name, as_version=4)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_as_it_is_written(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_only_what_is_missing_is_installed(name: str) -> None:
    first, *others = [cell.source for cell in read(name).cells if cell.cell_type == "code"]
    assert 'if importlib.util.find_spec("imagej_dl") is None:\n    %pip install' in first
    assert not any("pip" in source.split() or "http" in source for source in others)


def test_the_page_names_each_notebook() -> None:
    text = (FOLDER.parent / "notebooks.md").read_text("utf-8")
    assert [name for name in NOTEBOOKS if f"](notebooks/{name})" not in text] == []


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run a notebook in an empty folder; return what it printed, and its folder."""

    def run(name: str) -> tuple[str, Path]:
        notebook = read(name)
        where = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=600, resources=where).execute()
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
        return "\n".join(texts), tmp_path / name.removesuffix(".ipynb")

    return run


def psnr(text: str) -> dict[str, float]:
    """Read the lines "name: 30.1 dB"."""
    found = (line.split(": ") for line in text.splitlines() if line.endswith(" dB"))
    return {name: float(value.split()[0]) for name, value in found}


@pytest.mark.tf
def test_segmentation(run: Any) -> None:
    text, folder = run("segmentation.ipynb")
    found = {line.split(": average precision ")[0]: line for line in text.splitlines()}
    assert float(found["IoU 0.5"].split()[-1]) > 0.7
    shape = images.read(folder / "new.tif")
    labels, _ = rois.label_map(rois.read(folder / "new_RoiSet.zip"), shape)
    assert f"{int(labels.max())} ROIs in" in text


@pytest.mark.thorough
@pytest.mark.tf
def test_n2v(run: Any) -> None:
    text, folder = run("n2v.ipynb")
    assert "this image: the noise of neighbours is not correlated" in text
    assert "with stripes: the noise is correlated horizontally" in text
    assert "masked-pixel error 0." in text
    decibels = psnr(text)
    assert decibels["denoised"] > decibels["noisy"] + 8
    noisy, denoised = images.read(folder / "noisy.tif"), images.read(folder / "denoised.tif")
    assert denoised.sizes == noisy.sizes
    assert denoised.attrs["pixel_width"] == noisy.attrs["pixel_width"]
    assert abs(float(denoised.mean()) / float(noisy.mean()) - 1) < 0.05


@pytest.mark.thorough
@pytest.mark.tf
@pytest.mark.skipif("care" not in METHODS, reason="needs the kind care")
def test_care(run: Any) -> None:
    text, folder = run("care.ipynb")
    decibels = psnr(text)
    assert decibels["restored"] > decibels["noisy"] + 8
    restored = images.read(folder / "restored.tif")
    assert dict(restored.sizes) == {"Y": 128, "X": 128}
    assert 100 < float(restored.mean()) < 400  # as the noisy image, not as the good one


@pytest.mark.thorough
@pytest.mark.tf
def test_chain(run: Any) -> None:
    text, folder = run("chain.ipynb")
    precision = next(line for line in text.splitlines() if line.startswith("IoU 0.5"))
    assert float(precision.split()[-1]) > 0.4
    assert "TRA" in text
    tracks = tracking.read_trackmate(folder / "tracks" / "tracks.xml")
    assert f"'spots': {tracks.counts['spots']}" in text
    assert tracks.counts["links"] > 40
