"""Images that are learnt from without labels: where they are found, and what is held out."""

import json

import numpy as np
import pytest
import tiny_search

from imagej_dl import images, training
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import Normalisation
from imagej_dl.methods import registry
from imagej_dl.training import Settings
from imagej_dl.training.builder import divide
from imagej_dl.training.data_sources import as_given, find_given, find_images
from imagej_dl.training.examples import Examples

KIND = next(name for name, kind in registry.METHODS.items() if kind.learns_from == "itself")
SMALL = {"kind": KIND, "epochs": 1, "steps": 2, "batch": 2, "patch": 32, "width": 2}


def noise(*shape, axes="YX", seed=0, **more):
    values = np.random.default_rng(seed).normal(1000, 50, shape)
    return images.make(values.astype(np.float32), axes, **more)


def file(path, *shape, seed=0):
    images.write(noise(*(shape or (40, 40)), seed=seed), path)
    return path


def names(found):
    return [path.name for path in found]


def parts(*sources, known=None, **more):
    settings = Settings.of({"kind": KIND, "patch": 32, **more})
    given = as_given(list(sources), "itself")
    examples = Examples(given.pairs, Normalisation(), method=settings.method)
    return divide(examples, given, settings, known)


def test_label_maps_marks_and_rois_are_no_images(tmp_path):
    from imagej_dl.images.labels import provenance

    file(tmp_path / "b.tif")
    file(tmp_path / "a.tif")
    labels = images.make(np.eye(40, dtype=np.uint16))
    images.write(labels, tmp_path / "labels.tif")
    images.write(labels, tmp_path / "marks.tif")
    images.write(labels, tmp_path / "drawn.tif", **provenance.of(labels))
    (tmp_path / "RoiSet.zip").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    assert names(find_images(tmp_path)) == ["a.tif", "b.tif"]
    assert find_images(tmp_path / "b.tif") == [tmp_path / "b.tif"]


@pytest.mark.parametrize("inner", ["Processed/images", "images", "inputs", "Raw"])
def test_those_of_a_project_lie_in_their_folder(tmp_path, inner):
    for folder in (inner, "masks", "labels"):
        (tmp_path / folder).mkdir(parents=True)
        file(tmp_path / folder / "one.tif")
    assert find_images(tmp_path) == [tmp_path / inner / "one.tif"]


def test_images_in_folders_of_their_own_are_found(tmp_path):
    for name in ("s1", "s2", "masks"):
        (tmp_path / name).mkdir()
        file(tmp_path / name / "image.tif")
        images.write(images.make(np.eye(40, dtype=np.uint16)), tmp_path / name / "labels.tif")
    assert [p.parent.name for p in find_images(tmp_path)] == ["s1", "s2"]


def test_a_folder_without_an_image_and_one_that_is_missing_are_said(tmp_path):
    with pytest.raises(UserError, match="holds no image"):
        find_images(tmp_path)
    with pytest.raises(UserError, match="no such"):
        find_images(tmp_path / "missing")


def test_images_in_memory_files_and_pairs_are_taken(tmp_path):
    one, path = noise(40, 40), file(tmp_path / "a.tif")
    assert len(as_given(one, "itself").pairs) == 1
    assert as_given(path, "itself").pairs == [(path, path)]
    assert len(as_given([one, path], "itself").pairs) == 2
    assert as_given([(path, tmp_path / "labels.tif")], "itself").pairs == [(path, path)]
    with pytest.raises(UserError, match="without its ground truth"):
        as_given(one)
    with pytest.raises(UserError, match="without its ground truth"):
        as_given([path])


def test_the_validation_may_have_its_own_folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        file(tmp_path / name / f"{name}.tif")
    given = find_given(tmp_path / "a", tmp_path / "b", learns_from="itself")
    assert [p.name for p, _ in given.train] == ["a.tif"]
    assert [p.name for p, _ in given.validation] == ["b.tif"]


def test_the_target_is_the_image_without_a_copy():
    settings = Settings.of({"kind": KIND})
    image = noise(3, 70, 80, axes="TYX")
    (planes,) = Examples([(image, image)], Normalisation(), method=settings.method).sources
    assert len(planes) == 3
    for example in planes:
        assert example.target is example.image
        assert example.labels.strides == (0, 0)


def test_a_region_of_one_plane_is_held_out_and_shares_no_pixel():
    found = parts(noise(100, 400))
    assert found.by == "regions"
    ((train,), (held,)) = found.train, found.validation
    assert train.image.shape[:2] == (100, 360)
    assert held.image.shape[:2] == (100, 40)
    assert held.name.endswith("X=360-399")
    tall = parts(noise(200, 64))
    assert tall.validation[0].image.shape[:2] == (32, 64)  # a patch at least
    assert found.held_out() == "on the end of each plane: image 1 X=360-399"
    few = parts(noise(4, 100, 100, axes="TYX"))
    assert (few.by, len(few.train), len(few.validation)) == ("regions", 4, 4)


@pytest.mark.filterwarnings("error")
def test_the_same_region_is_held_out_again_from_a_training_that_goes_on():
    image = noise(64, 200)
    first = parts(image)
    known = first.record()["digests"]
    again = parts(image, known=known)
    assert again.record()["digests"] == known
    with pytest.warns(DataWarning, match="now used for validation"):
        parts(image, known={"train": known["train"]})


def test_the_last_frames_of_a_movie_are_held_out():
    found = parts(noise(30, 40, 40, axes="TYX"))
    assert found.by == "planes"
    assert [len(found.train), len(found.validation), len(found.test)] == [27, 3, 0]
    assert found.validation[-1].name.endswith("T=30")
    assert found.held_out() == "on 3 of 30 planes"


def test_of_ten_files_some_are_held_out_whole():
    found = parts(*(noise(40, 40, seed=i, title=f"{i}") for i in range(10)))
    assert found.by == "files"
    assert [len(found.train), len(found.validation)] == [9, 1]


def test_an_image_too_small_to_be_divided_validates_too():
    with pytest.warns(DataWarning, match="uses training data"):
        found = parts(noise(40, 50))
    assert found.by == "nothing"
    assert found.train[0].image.shape == found.validation[0].image.shape


def test_a_plane_smaller_than_a_patch_is_refused_with_a_patch_that_does():
    with pytest.raises(UserError, match=r"50 x 20 px is smaller") as caught:
        parts(noise(20, 50))
    assert "--patch 16" in str(caught.value)
    parts(noise(20, 50), patch=16)


@pytest.mark.tf
def test_it_trains_from_the_shell_on_a_folder_and_on_a_file(tmp_path):
    from click.testing import CliRunner

    from imagej_dl.cli import cli

    file(tmp_path / "in.tif", 70, 40)
    further = json.dumps({"steps": 2, "width": 2})
    for source in (tmp_path / "in.tif", tmp_path):
        options = ["--kind", KIND, "--epochs", "1", "--settings", further, "--patch", "32"]
        command = ["train", str(source), "--out", str(tmp_path / "M"), "--overwrite", *options]
        result = CliRunner().invoke(cli, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert "validation on the end of each plane: in.tif Y=38-69" in result.output
        assert "blind spots" in result.output
    written = json.loads((tmp_path / "M" / "config.json").read_text())["training"]
    assert written["validation"] == 0.1
    assert written["patch"] == 32


def test_a_saturated_image_is_said_and_a_constant_one_refused():
    values = np.clip(noise(64, 64).values, None, 1050)
    with pytest.warns(DataWarning, match="saturated"):
        parts(images.make(values, title="bright.tif"))
    with pytest.raises(UserError, match="nothing to learn"):
        parts(images.make(np.full((64, 64), 7, np.uint8)))


@pytest.mark.tf
def test_nan_is_refused_and_named(tmp_path):
    image = noise(40, 70, title="bad.tif")
    image[3, 5] = np.nan
    with pytest.raises(UserError, match=r"bad\.tif.*") as caught:
        training.train(image, tmp_path / "M", **SMALL)
    assert not (tmp_path / "M" / "config.json").exists()
    assert "NaN" in str(caught.value)


@pytest.mark.thorough
@pytest.mark.tf
def test_hyperparameters_are_searched_by_the_error_at_blind_spots(tmp_path):
    from imagej_dl.search import search

    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(4):
        file(folder / f"{i}.tif", seed=i)
    own = {"kind": KIND, "patch": 32, **tiny_search.options()}
    found = search(folder, tmp_path / "search", **own)
    assert found is not None
    assert np.isfinite(found.score)
