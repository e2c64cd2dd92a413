"""Z-stacks as volumes: trained, stopped and resumed, predicted in slabs and tiles."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.prediction import memory, predict_image, volumes
from imagej_dl.training.finalize import LAST

pytestmark = pytest.mark.tf

SMALL = {"patch": 16, "batch": 2, "width": 2, "depth": 1, "seed": 1, "steps": 2, "epochs": 2}
SCALE = {"pixel_width": 0.2, "pixel_height": 0.2, "pixel_depth": 0.7, "unit": "µm"}


def stack(*shape, axes="ZYX", seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(100, 10, shape).astype(np.float32)
    return images.make(values, axes, title="stack.tif", **SCALE)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volumes") / "model"
    training.train(stack(6, 40, 48), folder, kind="n2v2", patch_slices=4, **SMALL)
    return folder


@pytest.fixture(scope="module")
def bundle(trained):
    return models.load(trained, verify=True)


@pytest.mark.thorough
def test_the_model_knows_that_it_is_of_volumes(trained, bundle):
    config = bundle.config
    assert config.axes == "ZYX"
    assert config.volume.model_dump() == {
        "slices": 4,
        "halo": 3,
        "multiple_of": 1,
        "pixel_depth": 0.7,
    }
    assert images.read(trained / "test_image.tif").sizes["Z"] == 6
    assert models.load(trained / LAST, verify=True).config == config


def test_a_model_of_planes_and_one_of_volumes_are_no_ensemble(bundle):
    planes = bundle.config.model_copy(update={"volume": None, "axes": "YX"})
    other = models.ModelBundle(bundle.model, planes)
    with pytest.raises(UserError, match=r"differs.*in its input \(planes, not volumes\)"):
        predict_image(bundle, stack(4, 16, 16), ensemble=[other])


def test_slabs_and_tiles_cannot_be_told(bundle, monkeypatch):
    image = stack(31, 40, 36, seed=2)
    assert len(volumes.spans([bundle], 31)) == 1
    whole = predict_image(bundle, image)
    assert whole.dims == image.dims
    assert images.calibration(whole) == images.calibration(image)
    assert whole.dtype == np.float32
    monkeypatch.setattr(volumes, "SLICES", 1)
    slabs = volumes.spans([bundle], 31)
    assert len(slabs) > 3
    assert [one.low for one in slabs[1:]] == [one.high for one in slabs[:-1]]
    tiled = predict_image(bundle, image, tile=2 * bundle.config.halo + 8)
    np.testing.assert_allclose(tiled, whole, rtol=1e-6)
    # The whole is what the network gives for the volume, with the intensities of the image.
    direct = bundle.probabilities(image.data)[..., 0]
    levels = bundle.config.normalisation.levels_together(image.data)
    np.testing.assert_allclose(levels.undone(direct[..., None])[..., 0], whole, rtol=1e-5)


def test_axes_stay_in_their_order_and_frames_apart(bundle):
    movie = stack(2, 5, 20, 24, axes="TZYX")
    made = predict_image(bundle, movie, dtype="input", augment="flips")
    assert made.sizes == movie.sizes
    one = predict_image(bundle, movie[1], augment="flips")
    np.testing.assert_allclose(made[1], one, rtol=1e-6)


def test_no_more_is_read_at_once_than_a_tile_of_a_slab(bundle, monkeypatch):
    """Of a large stack each tile is read and normalised when its turn comes."""
    from imagej_dl.prediction.pixels import Pixels

    read, part = [], Pixels.part

    def told(self, t, z, where=(slice(None), slice(None))):
        found = part(self, t, z, where)
        read.append(found.shape)
        return found

    monkeypatch.setattr(Pixels, "part", told)
    monkeypatch.setattr(volumes, "SLICES", 1)
    predict_image(bundle, stack(30, 64, 64), tile=32)
    measured = 30  # each slice once, for the levels of the volume
    assert max(read[measured:]) == (32, 32)
    assert memory.bytes_per_pixel(bundle.model) > 0


def test_another_distance_of_the_slices_is_told(bundle):
    near = stack(4, 16, 16).assign_attrs(pixel_depth=0.2)
    with pytest.warns(DataWarning, match="slices are 0.2 µm apart, those of the training.*0.7"):
        predict_image(bundle, near)


def test_planes_are_refused(bundle):
    with pytest.raises(UserError, match="has one slice, but the model denoises volumes"):
        predict_image(bundle, stack(16, 16, axes="YX"))
    with pytest.raises(UserError, match="has one slice"):
        predict_image(bundle, stack(3, 16, 16, axes="TYX"))


def test_a_model_of_planes_stays_one_when_it_is_trained_further(trained, tmp_path):
    with pytest.raises(UserError, match="patch_slices is 4 in the model to start from"):
        training.train(stack(8, 32, 32), tmp_path / "m", start=trained, patch_slices=8)


def test_pairs_of_volumes_with_channels_are_learnt(tmp_path):
    pair = [stack(2, 5, 32, 32, axes="CZYX", seed=seed) for seed in (1, 2)]
    small = {**SMALL, "epochs": 1, "steps": 1}
    out = tmp_path / "model"
    training.train([tuple(pair)] * 2, out, kind="care", patch_slices=4, **small)
    bundle = models.load(out, verify=True)
    assert bundle.config.axes == "ZYXC"
    made = predict_image(bundle, pair[0])
    assert made.sizes == pair[0].sizes


def test_the_shell_denoises_a_stack_as_a_volume(tmp_path):
    images.write(stack(4, 32, 40), tmp_path / "in" / "stack.tif")
    command = ["denoise", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--epochs", "1"]
    command += ["--steps", "1", "--patch", "16", "--batch", "1", "--patch-slices", "4"]
    command += ["--settings", '{"width": 2, "depth": 1}']
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = images.read(tmp_path / "out" / "stack.tif")
    assert dict(found.sizes) == {"Z": 4, "Y": 32, "X": 40}
    assert images.calibration(found).pixel_depth == pytest.approx(0.7)
    assert models.load_config(tmp_path / "out" / "model").volume.slices == 4


def test_the_preview_is_of_the_slice_that_is_looked_at(bundle):
    from imagej_dl.worker import Session
    from imagej_dl.worker.session import View
    from imagej_dl.worker.training_events import Live

    told: list[dict] = []
    image = stack(2, 5, 40, 48, axes="TZYX", seed=4)
    live = Live(Session(Path(), image=image, view=View(t=1, z=3), tell=told.append))
    live._preview(bundle, 1)
    (event,) = told
    shown = event["preview"]
    assert isinstance(shown, xr.DataArray)
    assert dict(shown.sizes) == {"Y": 40, "X": 48}
    y, x = np.ogrid[:40, :48]
    noisy = np.asarray(image[1, 3])
    np.testing.assert_array_equal(np.asarray(shown)[x * 40 < y * 48], noisy[x * 40 < y * 48])
    whole = predict_image(bundle, image[1])[3]
    above = x * 40 >= y * 48
    np.testing.assert_allclose(np.asarray(shown)[above], np.asarray(whole)[above], rtol=1e-5)


def test_a_stack_that_looks_like_labels_is_previewed_as_a_volume(bundle):
    from imagej_dl.worker import Session
    from imagej_dl.worker.session import View
    from imagej_dl.worker.training_events import Live

    told: list[dict] = []
    flat = np.ones((5, 40, 48), np.uint16) * np.array([7, 90, 7, 60, 7], np.uint16)[:, None, None]
    flat[:, :, :9] = 0
    image = images.make(flat, "ZYX")
    live = Live(Session(Path(), image=image, view=View(z=3), tell=told.append))
    assert live.plane is None
    live._preview(bundle, 1)
    whole = np.asarray(predict_image(bundle, image)[3])
    y, x = np.ogrid[:40, :48]
    above = x * 40 >= y * 48
    np.testing.assert_allclose(np.asarray(told[0]["preview"])[above], whole[above], rtol=1e-5)
