"""`imagej-dl predict`: the files it writes, and what one bad image costs the others."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import small_models
import tifffile
from ome_sets import write_set

from imagej_dl import images, rois, worker
from imagej_dl.cli import main
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.results import stamp
from imagej_dl.progress import silent

pytestmark = pytest.mark.tf


def cells(frames: int = 0) -> np.ndarray:
    array = np.zeros((max(frames, 1), 40, 50), np.uint8)
    for t, plane in enumerate(array):
        plane[5:15, 5 + t : 15 + t] = 250
        plane[20:35, 30:45] = 240
    return array if frames else array[0]


def write(path: Path, array: np.ndarray, dims: str = "YX", **attrs: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(images.make(array, dims, **attrs), path)
    return path


def run(model: Path, *given: Path, out: Path, **more: object) -> None:
    values = {"model": model, "images": list(given), "out": out, "rois": False, **more}
    Predict.declare(values).run(silent)


def files(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_a_video_with_rois_and_probabilities(model, tmp_path, capsys):
    calibrated = {"pixel_width": 0.65, "pixel_height": 0.65, "unit": "µm", "frame_interval": 300.0}
    video = write(tmp_path / "raw" / "cells.tif", cells(3), "TYX", **calibrated)
    out = tmp_path / "out"
    run(model, video, out=out, rois=True, probabilities=True)
    assert files(out) == ["cells.tif", "cells_RoiSet.zip", "cells_probabilities.tif"]
    assert "6 objects on 3 planes" in capsys.readouterr().out

    labels = images.read(out / "cells.tif")
    assert labels.dims == ("T", "Y", "X")
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels > 0, cells(3) > 0)
    probabilities = images.read(out / "cells_probabilities.tif", axes="TYX")
    assert probabilities.dtype == np.float32
    np.testing.assert_array_equal(probabilities > 0.5, cells(3) > 0)
    for image in (labels, images.read(out / "cells_probabilities.tif")):
        assert {key: image.attrs[key] for key in calibrated} == pytest.approx(calibrated)
    # The RoiSet makes the same label map again.
    again, _ = rois.label_map(rois.read(out / "cells_RoiSet.zip"), labels)
    np.testing.assert_array_equal(again, labels)


def test_classes_are_the_channels_of_a_hyperstack(tmp_path):
    model = small_models.stored(small_models.unet(), tmp_path / "model")
    video = write(tmp_path / "video.tif", cells(2), "TYX")
    run(model, video, out=tmp_path / "out", probabilities=True)
    with tifffile.TiffFile(tmp_path / "out" / "video_probabilities.tif") as file:
        metadata = file.imagej_metadata
        assert (metadata["channels"], metadata["frames"]) == (3, 2)
        assert metadata["hyperstack"]
    probabilities = images.read(tmp_path / "out" / "video_probabilities.tif")
    assert probabilities.dims == ("T", "C", "Y", "X")
    np.testing.assert_allclose(probabilities.sum("C"), 1, atol=1e-5)


def test_folders_are_named_after_their_images_or_themselves(model, tmp_path):
    for name in ("b", "a"):
        write(tmp_path / "set" / name / "image.tif", cells())
        write(tmp_path / "set" / name / "labels.tif", cells().astype(np.uint16))
    write(tmp_path / "plain" / "one.tif", cells())
    write(tmp_path / "plain" / "two.tif", cells())
    write(tmp_path / "single.tif", cells())
    out = tmp_path / "out"
    run(model, tmp_path / "set", tmp_path / "plain", tmp_path / "single.tif", out=out)
    assert files(out) == ["a.tif", "b.tif", "one.tif", "single.tif", "two.tif"]
    run(model, tmp_path / "set" / "a", out=tmp_path / "alone")
    assert files(tmp_path / "alone") == ["a.tif"]


def test_two_images_of_one_name_are_refused_before_any_work(model, tmp_path):
    one = write(tmp_path / "x" / "cells.tif", cells())
    two = write(tmp_path / "y" / "Cells.tif", cells())
    with pytest.raises(UserError, match="same name as") as caught:
        run(model, one, two, out=tmp_path / "out")
    assert str(one) in str(caught.value)
    assert str(two) in str(caught.value)
    assert files(tmp_path / "out") == []


def test_an_image_that_is_named_twice_is_predicted_once(model, tmp_path):
    image = write(tmp_path / "x" / "cells.tif", cells())
    folder = tmp_path / "x"
    run(model, folder, image, folder / ".." / "x" / "cells.tif", out=tmp_path / "out")
    assert files(tmp_path / "out") == ["cells.tif"]


def test_results_in_another_format_are_not_taken_for_new_ones(model, tmp_path):
    pytest.importorskip("zarr")
    image = write(tmp_path / "cells.tif", cells())
    run(model, image, out=tmp_path / "out")
    with pytest.warns(DataWarning, match=r"out: cells\.tif existed before"):
        run(model, image, out=tmp_path / "out", format="ome-zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the image itself is no former result
        run(model, image, out=tmp_path, format="ome-zarr")


@pytest.mark.parametrize("given", [{"workers": 2}, {"engine_settings": {"prob_thresh": 0.5}}])
def test_options_without_effect_are_refused(model, tmp_path, given):
    image = write(tmp_path / "cells.tif", cells())
    with pytest.raises(UserError, match=next(iter(given))):
        run(model, image, out=tmp_path / "out", **given)
    assert files(tmp_path / "out") == []


def test_results_that_would_be_one_file_are_refused(model, tmp_path):
    one = write(tmp_path / "cells.tif", cells())
    two = write(tmp_path / "cells_probabilities.tif", cells())
    with pytest.raises(UserError, match="would be the result of"):
        run(model, one, two, out=tmp_path / "out", probabilities=True)


def test_an_image_is_never_overwritten_by_its_labels(model, tmp_path):
    image = write(tmp_path / "cells.tif", cells())
    before = image.read_bytes()
    with pytest.raises(UserError, match="would overwrite it"):
        run(model, image, out=tmp_path, overwrite=True)
    assert image.read_bytes() == before


def test_what_is_there_stays_unless_told_otherwise(model, tmp_path):
    image = write(tmp_path / "cells.tif", cells())
    out = tmp_path / "out"
    run(model, image, out=out, rois=True)
    stamp = {name: (out / name).stat().st_mtime_ns for name in files(out)}
    with pytest.raises(UserError, match="already there"):
        run(model, image, out=out)
    assert stamp == {name: (out / name).stat().st_mtime_ns for name in files(out)}
    with pytest.warns(DataWarning, match=r"cells_RoiSet\.zip existed before"):
        run(model, image, out=out, overwrite=True)
    # Without objects there is no RoiSet; the old one would be of other labels.
    images.write(images.make(np.zeros((20, 20), np.uint8)), image, overwrite=True)
    run(model, image, out=out, rois=True, overwrite=True)
    assert files(out) == ["cells.tif"]
    assert images.read(out / "cells.tif").max() == 0


def test_one_bad_image_costs_the_others_nothing(model, tmp_path, capsys, monkeypatch):
    write(tmp_path / "raw" / "a.tif", cells())
    (tmp_path / "raw" / "b.tif").write_bytes(b"no image")
    write(tmp_path / "raw" / "c.tif", np.full((9, 9), np.nan, np.float32))
    write(tmp_path / "raw" / "d.tif", np.stack([cells(), cells()]), "CYX")
    write(tmp_path / "raw" / "e.tif", cells())
    out = tmp_path / "out"
    argv = ["imagej-dl", "predict", str(model), str(tmp_path / "raw"), "--no-rois"]
    argv += ["--out", str(out)]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert files(out) == ["a.tif", "e.tif"]
    said = capsys.readouterr()
    assert said.out.count("2 objects") == 2
    assert "3 of 5 images could not be predicted" in said.err
    for name, words in (("b", "not a readable TIFF"), ("c", "NaN"), ("d", "2 channel")):
        assert str(tmp_path / "raw" / f"{name}.tif") in said.err
        assert words in said.err


def test_cancelling_leaves_what_is_finished_and_nothing_half_written(model, tmp_path):
    for name in "abc":
        write(tmp_path / "raw" / f"{name}.tif", cells())

    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    values = {"model": model, "images": [tmp_path / "raw"], "out": tmp_path / "o", "rois": False}
    command = Predict.declare(values)
    with pytest.raises(Cancelled):
        command.run(stop)
    assert files(tmp_path / "o") == ["a.tif", "b.tif"]


def test_progress_runs_over_images_and_over_planes(model, tmp_path):
    write(tmp_path / "raw" / "a.tif", cells())
    write(tmp_path / "raw" / "b.tif", cells(3), "TYX")
    seen = []
    values = {"model": model, "images": [tmp_path / "raw"], "out": tmp_path / "o", "rois": False}
    command = Predict.declare(values)
    command.run(lambda *step: seen.append(step))
    assert ("b", 3, 3) in seen
    assert seen[-1] == ("predict", 2, 2)
    assert [step[1] for step in seen if step[0] == "predict"] == sorted(
        step[1] for step in seen if step[0] == "predict"
    )


def test_axes_tiles_and_json(model, tmp_path, monkeypatch):
    stack = write(tmp_path / "stack.tif", cells(3), "ZYX")
    out = tmp_path / "out"
    given = {
        "model": str(model),
        "images": [str(stack)],
        "out": str(out),
        "axes": "TYX",
        "tile": 16,
    }
    (tmp_path / "run.json").write_text(json.dumps(given), encoding="utf-8")
    monkeypatch.setattr(
        sys, "argv", ["imagej-dl", "predict", "--from-json", str(tmp_path / "run.json")]
    )
    _clean(main)
    labels = images.read(out / "stack.tif")
    assert labels.dims == ("T", "Y", "X")
    np.testing.assert_array_equal(labels > 0, cells(3) > 0)


def _clean(entry) -> None:
    with pytest.raises(SystemExit) as ended:
        entry()
    assert ended.value.code == 0


def test_positions_of_rois_are_of_a_hyperstack_where_the_image_is_one(tmp_path):
    model = small_models.stored(small_models.threshold(channels=2), tmp_path / "model")
    video = write(tmp_path / "two.tif", np.stack([cells(3), cells(3)], 1), "TCYX")
    run(model, video, out=tmp_path / "out", rois=True)
    labels = images.read(tmp_path / "out" / "two.tif")
    assert labels.dims == ("T", "Y", "X")
    image = images.read(video)
    again, _ = rois.label_map(rois.read(tmp_path / "out" / "two_RoiSet.zip"), image)
    np.testing.assert_array_equal(again, labels)


def test_a_model_that_is_none_is_said_before_anything_is_written(tmp_path):
    image = write(tmp_path / "cells.tif", cells())
    with pytest.raises(UserError, match="no such model folder"):
        run(tmp_path / "nowhere", image, out=tmp_path / "out")
    assert files(tmp_path / "out") == []


def test_scenes_of_a_file(model, tmp_path):
    """Two scenes: the first is read unless others are asked for, and that is said."""
    path, planes = tmp_path / "a.tif", (cells(), cells()[:, :40])
    with tifffile.TiffWriter(path, ome=True) as file:
        for name, plane in zip(("R1", "R2"), planes, strict=True):
            file.write(plane, metadata={"axes": "YX", "Name": name})
    out = tmp_path / "out"
    with pytest.warns(DataWarning, match=r"holds 2 scenes \(R1, R2\), of which the first, R1, is"):
        run(model, path, out=out)
    assert files(out) == ["a.tif"]
    run(model, path, out=out, scenes="2")
    assert files(out) == ["a.tif", "a_R2.tif"]
    run(model, path, out=out, scenes="all", overwrite=True)
    assert files(out) == ["a.tif", "a_R1.tif", "a_R2.tif"]
    for name, plane in (("a", planes[0]), ("a_R1", planes[0]), ("a_R2", planes[1])):
        np.testing.assert_array_equal(images.read(out / f"{name}.tif") > 0, plane > 0)
    with pytest.raises(UserError, match=r"has 2 scenes \(R1, R2\), but number 3 was requested"):
        run(model, path, out=out, scenes="3")
    with pytest.warns(DataWarning, match=r"holds a single scene, which is taken in place of"):
        run(model, write(tmp_path / "b.tif", cells()), out=out, scenes="2")
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(planes[0], metadata={"axes": "YX"})
        file.write(np.stack(planes[:1] * 2), metadata={"axes": "CYX"})
    with pytest.raises(UserError, match=r"a\.tif: scene 2: the image has 2 channel"):
        run(model, path, out=tmp_path / "more", scenes="all")
    assert files(tmp_path / "more") == ["a_scene1.tif"]


def test_a_set_of_files_is_predicted_once(model, tmp_path):
    stack = cells(3)[:, None, None]
    (tmp_path / "in").mkdir()
    paths = write_set(tmp_path / "in", stack, ["t0.ome.tif", "t1.ome.tif", "t2.ome.tif"])
    run(model, tmp_path / "in", out=tmp_path / "folder")
    run(model, *paths, out=tmp_path / "files")
    for name in ("folder", "files"):
        assert files(tmp_path / name) == ["t0.ome.tif"]
        labels = images.read(tmp_path / name / "t0.ome.tif")
        np.testing.assert_array_equal(labels > 0, stack[:, 0, 0] > 0)
    before = stamp(Source(paths[0], "t0"))
    assert stamp(Source(paths[0], "t0")) == before
    os.utime(paths[1], ns=(0, 0))  # as another part of the image is changed
    assert stamp(Source(paths[0], "t0")) != before
    paths[1].unlink()
    with pytest.warns(DataWarning, match=r"t1\.ome\.tif, of its set, is not there"):
        run(model, tmp_path / "in", out=tmp_path / "missing")


def test_what_a_file_does_not_hold_is_said_at_each_door(model, tmp_path, capsys, monkeypatch):
    path = write(tmp_path / "in" / "a.tif", cells(5), "TYX")
    whole = path.read_bytes()

    def ended(out: str) -> tuple[int, str, dict]:
        """Return the shell's exit code and errors, and the worker's answer."""
        argv = ["imagej-dl", "predict", str(model), str(path), "--out", str(tmp_path / out)]
        monkeypatch.setattr(sys, "argv", argv)
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        values = {"model": str(model), "images": str(path), "out": str(tmp_path / f"{out}2")}
        task = SimpleNamespace(cancel_requested=False, _worker=None, update=lambda *_: None)
        return code, capsys.readouterr().err, worker.run(task, "predict", values)

    path.write_bytes(whole[: len(whole) // 2])
    code, errors, answer = ended("out")
    words = f"warning: {path}: ImageJ's description declares 5 frames, and the file has 2"
    assert (code, words in errors, words in answer["text"]) == (0, True, True)
    for out in ("out", "out2"):
        assert images.read(tmp_path / out / "a.tif").sizes["T"] == 2
    path.write_bytes(whole[:500])
    code, errors, answer = ended("more")
    words = f"{path}: is not a readable TIFF image (it is truncated"
    assert (code, words in errors, words in answer["error"]) == (2, True, True)


def test_a_folder_goes_on_with_the_images_that_lack_results(model, tmp_path, capsys, monkeypatch):
    """After a stop what is whole is kept, of the same model, settings and images only."""
    names = ("a", "b", "c")
    for shift, name in enumerate(names):
        write(tmp_path / "raw" / f"{name}.tif", np.roll(cells(), shift))
    raw, out = tmp_path / "raw", tmp_path / "out"
    run(model, raw, out=tmp_path / "undisturbed", rois=True)
    real = images.write_labels

    def full(image, path, *args, **kwargs):
        if Path(path).name == "b.tif":
            raise OSError(28, "No space left on device")
        real(image, path, *args, **kwargs)

    monkeypatch.setattr(images, "write_labels", full)
    with pytest.raises(UserError, match="the disk is full"):
        run(model, raw, out=out, rois=True)
    monkeypatch.undo()
    assert files(out) == ["a.tif", "a_RoiSet.zip"]
    stamp = (out / "a.tif").stat().st_mtime_ns
    capsys.readouterr()
    run(model, raw, out=out, rois=True)
    said = capsys.readouterr().out
    assert f"{out}: 1 of 3 images have results, which are kept" in said
    assert (out / "a.tif").stat().st_mtime_ns == stamp
    for name in files(tmp_path / "undisturbed"):
        assert (out / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
    run(model, raw, out=out, rois=True)
    assert "3 of 3 images have results" in capsys.readouterr().out


def test_results_of_another_model_or_other_settings_are_not_mixed(model, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / "raw" / f"{name}.tif", cells())
    raw, out = tmp_path / "raw", tmp_path / "out"
    run(model, raw, out=out)
    (out / "b.tif").unlink()
    with pytest.raises(UserError, match=r"a\.tif: exists, made with other settings"):
        run(model, raw, out=out, minimum_area=3)
    config = json.loads((model / "config.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    for file in model.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    (other / "config.json").write_text(json.dumps({**config, "patch": 96}))
    with pytest.raises(UserError, match=r"a\.tif: exists, made by another model"):
        run(other, raw, out=out)
    images.write(images.make(cells()[::-1]), raw / "a.tif", overwrite=True)
    with pytest.raises(UserError, match=r"a\.tif: .* from another image, or from this one before"):
        run(model, raw, out=out)
    assert files(out) == ["a.tif"]
    write(tmp_path / "foreign" / "a.tif", np.zeros((5, 5), np.uint8))
    with pytest.raises(UserError, match=r"a\.tif: is already there"):
        run(model, raw, out=tmp_path / "foreign")
