"""`imagej-dl predict` with a model that gives an image, at every door."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

sys.path.append(str(Path(__file__).parents[1] / "prediction"))
import small_models
from image_models import identity, to_image

from imagej_dl import images, worker
from imagej_dl.cli import cli
from imagej_dl.commands import menu
from imagej_dl.commands.predict import Predict
from imagej_dl.correction.store import fingerprint
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.labels import provenance
from imagej_dl.models import save
from imagej_dl.progress import silent
from imagej_dl.worker.session import Session

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("to_image")]
__all__ = ["to_image"]
LUT = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)


def stored(bundle: Any, folder: Path) -> Path:
    channels = (bundle.config.channels,) if bundle.config.channels > 1 else ()
    save(bundle.model, bundle.config, folder, test_image=np.ones((16, 16, *channels), np.uint8))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return stored(identity(), tmp_path / "model")


def movie(dims: str = "TZYX", title: str = "movie.tif", **more: Any) -> Any:
    sizes = {"T": 2, "C": 2, "Z": 3, "Y": 30, "X": 40}
    array = np.random.default_rng(5).integers(0, 255, [sizes[axis] for axis in dims])
    attrs = {"pixel_width": 0.5, "pixel_height": 0.5, "unit": "µm", "frame_interval": 3.0} | more
    return images.make(array.astype(np.uint8), dims, title=title, **attrs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images and a hyperstack."""
    for name, dims in (("a", "YX"), ("b", "YX"), ("movie", "TZYX")):
        images.write(
            movie(dims, display_ranges=[(3.0, 99.0)], luts=[LUT]), tmp_path / f"in/{name}.tif"
        )
    return tmp_path / "in"


def call(*argv: Any) -> Result:
    return CliRunner().invoke(cli, ["predict", *map(str, argv)])


def test_a_folder_with_a_movie(model: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call(model, folder, "--out", out, "--type", "input")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["a.tif", "b.tif", "movie.tif"]
    for path in folder.iterdir():
        given, made = images.read(path), images.read(out / path.name)
        assert made.identical(given)
    facts = provenance.read(out / "movie.tif")
    assert facts["model"] == fingerprint(model)
    assert facts["how"]["type"] == "input"


def test_after_a_stop_the_same_command_goes_on(model: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    class Stopped(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "predict" and done == 1:
            raise Stopped

    command = Predict.declare({"model": model, "images": [folder], "out": out})
    with pytest.raises(Stopped):
        command.run(stop)
    assert [path.name for path in out.glob("*.tif")] == ["a.tif"]
    before = (out / "a.tif").stat().st_mtime_ns
    result = call(model, folder, "--out", out)
    assert result.exit_code == 0, result.output
    assert "1 of 3 images have results, which are kept" in result.output
    assert (out / "a.tif").stat().st_mtime_ns == before
    assert len(list(out.glob("*.tif"))) == 3
    result = call(model, folder, "--out", out, "--type", "input")
    assert "made with other settings" in str(result.exception)


def run(values: dict[str, Any], session: Session) -> list[dict[str, Any]]:
    Predict.declare(menu.parse("predict", values)).run_in_imagej(session, silent)
    return session.shown


def test_the_open_image_in_imagej(model: Path, tmp_path: Path) -> None:
    labels = [f"t{i}" for i in range(6)]
    display = {"luts": [LUT], "display_ranges": [(2.0, 80.0)], "slice_labels": labels}
    image = movie()
    given = {"model": str(model), "type": "input", "out": str(tmp_path / "out")}
    (item,) = run(given, Session(tmp_path, image=image, display=display))
    assert (item["kind"], item["title"]) == ("image", "movie-denoised")
    assert item["image"].identical(image.assign_attrs(display))
    assert images.read(tmp_path / "out" / "movie.tif").identical(item["image"])
    (item,) = run({"model": str(model)}, Session(tmp_path, image=image, display=display))
    assert item["image"].dtype == np.float32
    np.testing.assert_allclose(item["image"], image, atol=1e-4)


def test_the_worker_shares_how_it_is_shown(model: Path) -> None:
    from imagej_dl.worker import shared_memory

    image = movie("YX")
    array = SimpleNamespace(
        ndarray=lambda: image.data[None, None, None],
        shm=SimpleNamespace(name="n", close=lambda: None),
    )
    about = {"title": "cells.tif", "pixel_width": 0.5, "pixel_height": 0.5, "pixel_depth": 1.0}
    about |= {"unit": "µm", "frame_interval": 0.0, "signed": False}
    about["display"] = {"luts": [LUT.tolist()], "display_ranges": [[2.0, 80.0]]}
    task = SimpleNamespace(cancel_requested=False, _worker=None, update=lambda *_: None)
    answer = worker.run(task, "predict", {"model": str(model)}, array, about)
    try:
        (item,) = answer["shown"]
        assert item["image"]["about"]["display"] == about["display"]
        assert "lut" not in item["image"]["about"]
    finally:
        shared_memory.release()


def test_what_does_not_go_with_it_is_refused(model: Path, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("Video;Frame\na_1-1;a_1.tif\n")
    for more, words in (
        (["--diameter", "20"], "gives an image, not objects"),
        (["--videos", table], "joined of label maps"),
        (["--denoise", model], "gives an image itself"),
        (["--minimum-area", "5"], "minimum_area"),
    ):
        result = call(model, folder, "--out", tmp_path / "out", *more)
        assert isinstance(result.exception, UserError), result.output
        assert words in str(result.exception)
    assert not (tmp_path / "out").exists()
    images.write(movie("CYX"), folder / "channels.tif")
    result = call(model, folder / "channels.tif", "--out", tmp_path / "out")
    assert "2 channel(s), the model was trained on 1" in str(result.exception)


def test_views_and_ensembles_are_averaged(model: Path, folder: Path, tmp_path: Path) -> None:
    bundle = identity()
    bundle.model.set_weights([np.full((1, 1, 1, 1), 0.0), np.zeros(1)])
    other = stored(bundle, tmp_path / "other")
    values = {"model": model, "images": [folder / "a.tif"], "out": tmp_path / "out"}
    Predict.declare(values | {"ensemble": [other], "augment": "all"}).run(silent)
    given = images.read(folder / "a.tif").data
    low = np.percentile(given, 1)
    np.testing.assert_allclose(
        images.read(tmp_path / "out/a.tif").data, (given + low) / 2, rtol=1e-4, atol=1e-3
    )


def test_clipped_pixels_are_told(folder: Path, tmp_path: Path) -> None:
    bundle = identity()
    bundle.model.set_weights([np.full((1, 1, 1, 1), 2.0), np.zeros(1)])
    brighter = stored(bundle, tmp_path / "brighter")
    values = {"model": brighter, "images": [folder / "a.tif"], "out": tmp_path / "out"}
    with pytest.warns(DataWarning, match=r"a\.tif: \d+ of 1200 pixels .* clipped to uint8"):
        Predict.declare(values | {"type": "input"}).run(silent)


def test_denoise_then_segment(model: Path, folder: Path, tmp_path: Path) -> None:
    segments = stored(small_models.threshold(), tmp_path / "segments")
    plain, chained = tmp_path / "plain", tmp_path / "chained"
    for out, more in ((plain, []), (chained, ["--denoise", model])):
        result = call(segments, folder, "--out", out, "--no-rois", *more)
        assert result.exit_code == 0, result.output
    for name in ("a.tif", "movie.tif"):
        np.testing.assert_array_equal(images.read(chained / name), images.read(plain / name))
    facts = provenance.read(chained / "a.tif")
    assert facts["model"] == fingerprint(segments)
    assert facts["how"]["denoise"] == fingerprint(model)
    assert "denoise" not in provenance.read(plain / "a.tif")["how"]
    result = call(segments, folder, "--out", plain, "--no-rois", "--denoise", model)
    assert "made with other settings" in str(result.exception)
    kept = tmp_path / "kept"
    result = call(
        segments,
        folder / "a.tif",
        "--out",
        kept,
        "--no-rois",
        "--denoise",
        model,
        "--save-denoised",
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in kept.iterdir()) == ["a.tif", "a_denoised.tif"]
    clean, given = images.read(kept / "a_denoised.tif"), images.read(folder / "a.tif")
    assert clean.attrs["display_ranges"] == given.attrs["display_ranges"]
    np.testing.assert_array_equal(clean, given)
    result = call(segments, folder / "a.tif", "--out", tmp_path / "no", "--save-denoised")
    assert "no denoised image to be saved" in str(result.exception)
    values = menu.parse(
        "predict",
        {"model": str(segments), "denoise": str(model), "rois": "false", "save_denoised": "true"},
    )
    session = Session(tmp_path, image=movie("YX"))
    Predict.declare(values).run_in_imagej(session, silent)
    shown = [(item["kind"], item["title"]) for item in session.shown]
    assert shown == [("image", "movie-denoised"), ("labels", "movie-labels")]
    result = call(segments, folder, "--out", tmp_path / "no", "--denoise", segments)
    assert "outputs objects, not an image" in str(result.exception)
    assert not (tmp_path / "no").exists()


def test_doors_that_need_objects_refuse_it(model: Path, tmp_path: Path) -> None:
    from imagej_dl.web import application

    (tmp_path / "project").mkdir()
    result = CliRunner().invoke(cli, ["correct", str(tmp_path / "project"), "--model", str(model)])
    assert "outputs an image, not objects" in str(result.exception)
    assert not list((tmp_path / "project").iterdir())
    client = application(model).test_client()
    listed = {one["name"]: one for one in client.get("/api/models").json["models"]}
    assert "outputs an image" in listed["model"]["error"]


def test_what_imagej_cannot_take_is_refused_before_the_work(model: Path, tmp_path: Path) -> None:
    huge = np.broadcast_to(np.uint8(7), (600, 1000, 1000))
    session = Session(tmp_path, image=images.make(huge, "TYX", title="huge.tif"))
    with pytest.raises(UserError, match=r"huge\.tif: .*above 2 GB.*type to input"):
        run({"model": str(model)}, session)
    assert not session.shown
