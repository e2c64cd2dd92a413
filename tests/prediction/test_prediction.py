"""Prediction of images and videos: axes, calibration, tiles, batches, bad pixels."""

from __future__ import annotations

import gc
import os
import warnings

import numpy as np
import pytest
import small_models as models

from imagej_dl import images
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.prediction import planes, predict
from imagej_dl.prediction import predict as predict_function

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def net():
    return models.unet()


@pytest.fixture(scope="module")
def cutoff():
    return models.threshold()


def squares(*shape, dtype=np.uint8):
    """Two bright squares on each plane, the second brighter; planes differ by their place."""
    array = np.zeros(shape, dtype)
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1.0
    for number, plane in enumerate(array.reshape(-1, *shape[-2:])):
        plane[2:9, 3 + number : 9 + number] = 0.8 * top
        plane[12:20, 20:29] = top
    return array


@pytest.mark.parametrize("shape", [(200, 231), (150, 64), (97, 300), (33, 20), (16, 16), (5, 180)])
def test_tiled_equals_whole(net, shape):
    assert net.config.halo > 16
    rng = np.random.default_rng(0)
    image = images.make(rng.integers(0, 255, shape, np.uint8))
    whole = predict(net, image, tile=4096, probabilities=True).probabilities
    least = 2 * (-(-net.config.halo // 8) * 8) + 8
    assert whole.values.std(axis=(1, 2)).max() > 0.01, (
        "a network that gives one value would prove nothing"
    )
    for tile in (least, least + 40):
        tiled = predict(net, image, tile=tile, batch=3, probabilities=True)
        np.testing.assert_allclose(tiled.probabilities, whole, atol=1e-5)
    # The bundle's own way, without tiles, is the same as well.
    np.testing.assert_allclose(
        whole.transpose("Y", "X", "C"), net.probabilities(image.values), atol=1e-5
    )


def test_a_halo_that_is_too_small_would_show(net):
    small = net.config.model_copy(update={"halo": 8})
    bundle = models.ModelBundle(net.model, small)
    image = images.make(np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8))
    whole = predict(bundle, image, tile=4096, probabilities=True).probabilities
    tiled = predict(bundle, image, tile=40, probabilities=True).probabilities
    assert np.abs(tiled - whole).max() > 1e-3


def test_too_small_a_tile_names_the_least(net):
    image = images.make(np.zeros((300, 300), np.uint8))
    with pytest.raises(UserError, match="tiles of at least"):
        predict(net, image, tile=16)


def test_a_video_is_the_same_as_its_frames(net):
    rng = np.random.default_rng(1)
    video = images.make(rng.integers(0, 4095, (5, 40, 61), np.uint16), "TYX")
    together = predict(net, video, batch=3, probabilities=True)
    for t in range(5):
        alone = predict(net, video.isel(T=t), probabilities=True)
        np.testing.assert_allclose(together.probabilities.isel(T=t), alone.probabilities, atol=1e-5)
        np.testing.assert_array_equal(together.labels.isel(T=t), alone.labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_types_axes_and_calibration(cutoff, dtype):
    image = images.make(
        squares(3, 30, 41, dtype=dtype),
        "TYX",
        pixel_width=0.65,
        pixel_height=0.65,
        unit="µm",
        frame_interval=300.0,
        title="cells.tif",
    )
    result = predict(cutoff, image, probabilities=True)
    assert result.labels.dims == ("T", "Y", "X")
    assert result.labels.dtype == np.uint16
    assert result.labels.attrs == image.attrs
    assert result.probabilities.dims == ("T", "C", "Y", "X")
    assert result.probabilities.dtype == np.float32
    assert result.probabilities.attrs == image.attrs
    np.testing.assert_array_equal(result.labels > 0, image > 0)
    for t in range(3):
        assert result.labels.values[t, 2, 3 + t] == 1
        assert result.labels.values[t, 12, 20] == 2


def test_channels_are_taken_where_they_are_wanted(cutoff):
    two = models.threshold(channels=2)
    plane = squares(30, 41)
    image = images.make(np.stack([plane, plane]), "CYX")
    result = predict(two, image, probabilities=True)
    assert result.labels.dims == ("Y", "X")
    assert result.probabilities.dims == ("C", "Y", "X")
    assert result.labels.max() == 2
    with pytest.raises(UserError, match=r"2 channel.*trained on 1"):
        predict(cutoff, image)
    with pytest.raises(UserError, match=r"1 channel.*trained on 2"):
        predict(two, images.make(plane))


def test_slices_are_segmented_each_on_its_own_and_that_is_said(cutoff):
    image = images.make(squares(2, 3, 30, 41), "TZYX", title="deep.tif")
    with pytest.warns(DataWarning, match=r"deep.tif: each of the 3 slices"):
        result = predict(cutoff, image)
    assert result.labels.dims == ("T", "Z", "Y", "X")
    np.testing.assert_array_equal(result.labels > 0, image > 0)


def test_other_pixel_sizes_are_warned_of_in_any_unit_of_length():
    bundle = models.threshold()
    sizes = {"unit": "µm", "pixel_width": 0.5, "pixel_height": 0.5}
    bundle = models.ModelBundle(bundle.model, bundle.config.model_copy(update=sizes))

    def make(pixel_width=1.0, **cal):
        size = {"pixel_width": pixel_width, "pixel_height": pixel_width}
        return images.make(squares(30, 41), **size, **cal)

    with pytest.warns(DataWarning, match="1.3 µm wide"):
        predict(bundle, make(pixel_width=1.3, unit="µm"))
    for unit, size in (("nm", 1300), ("um", 1.3), ("micrometer", 1.3), ("cm", 1.3e-4), ("inch", 1)):
        with pytest.warns(DataWarning, match=f"{size:g} {unit} wide"):
            predict(bundle, make(pixel_width=size, unit=unit))
    with pytest.warns(DataWarning, match="1 furlong wide"):
        predict(bundle, make(pixel_width=1.0, unit="furlong"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        predict(bundle, make(pixel_width=0.6, unit="µm"))
        predict(bundle, make(pixel_width=600, unit="nm"))
        predict(bundle, make(pixel_width=0.5, unit="microns"))
        predict(bundle, make())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_refused_by_place(cutoff, bad):
    array = squares(3, 30, 41, dtype=np.float32)
    array[1, 4, 5] = bad
    image = images.make(array, "TYX", title="holes.tif")
    with pytest.raises(UserError, match=r"holes.tif: .*NaN or infinite.*x=5, y=4, T=2"):
        predict(cutoff, image)


@pytest.mark.parametrize("value", [0, 7, 255])
@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (64, 64)])
def test_a_flat_image_has_a_result(net, value, shape):
    result = predict(net, images.make(np.full(shape, value, np.uint8)), probabilities=True)
    assert result.labels.shape == shape
    assert np.isfinite(result.probabilities).all()


def test_an_image_without_pixels_is_refused(cutoff):
    with pytest.raises(UserError, match="no pixels"):
        predict(cutoff, images.make(np.zeros((0, 20, 20), np.uint8), "TYX"))


def test_progress_counts_planes_and_cancels(cutoff):
    image = images.make(squares(4, 30, 41), "TYX")
    seen = []
    predict(cutoff, image, progress=lambda *step: seen.append(step), batch=1)
    assert seen == [("predict", done, 4) for done in range(5)]
    seen.clear()
    predict(cutoff, image[0], progress=lambda *step: seen.append(step))
    assert seen == [("predict", 0, 1), ("predict", 1, 1)]

    def stop(stage, done, total):
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        predict(cutoff, image, progress=stop)


def test_planes_come_one_by_one_and_are_read_one_by_one(cutoff):
    read = []

    class Watched(np.memmap):
        pass

    image = images.make(squares(6, 30, 41), "TYX")
    for plane in planes(cutoff, image, batch=1):
        read.append(plane.index)
        if plane.index == (1,):
            break
    assert read == [(0,), (1,)]


def test_a_memory_map_is_not_read_whole(cutoff, tmp_path):
    import tracemalloc

    video = np.memmap(tmp_path / "video", np.uint8, "w+", shape=(40, 512, 512))
    video[:, 100:140, 200:260] = 255
    image = images.make(video, "TYX")
    tracemalloc.start()
    count = sum(int(plane.labels.max()) for plane in planes(cutoff, image, batch=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 40
    assert peak < 25e6, f"{peak / 1e6:.0f} MB for frames of 1 MB as float32"


def test_one_graph_for_all_sizes_and_none_left_behind(monkeypatch, tmp_path):
    from weakref import ref

    from imagej_dl import preferences
    from imagej_dl.prediction.network import _compiled

    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    preferences.change(engine="tensorflow")
    bundle = models.threshold()
    for size in (8, 16, 40, 64):
        predict(bundle, images.make(np.zeros((size, size + 8), np.uint8)))
    assert _compiled[bundle.model].experimental_get_tracing_count() == 1
    gone = ref(bundle.model)
    del bundle
    gc.collect()
    assert gone() is None


def test_results_above_a_gigabyte_lie_in_a_file(monkeypatch, cutoff):
    from imagej_dl.images import array_storage

    monkeypatch.setattr(array_storage, "_IN_MEMORY", 1000)
    image = images.make(squares(2, 30, 41), "TYX")
    result = predict_function(cutoff, image, probabilities=True)
    base = result.probabilities.values
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    np.testing.assert_array_equal(result.probabilities.isel(C=0) > 0.5, image > 0)


def test_a_batch_that_does_not_fit_is_halved(cutoff, monkeypatch):
    from imagej_dl.models import backend
    from imagej_dl.prediction import network

    tf = backend.tensorflow()
    calls = []

    def greedy(windows):
        calls.append(len(windows))
        if len(windows) > limit:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return tf.convert_to_tensor(windows)

    monkeypatch.setitem(network._compiled, cutoff.model, greedy)
    limit = 2
    windows = np.arange(7.0, dtype=np.float32).reshape(7, 1, 1, 1)
    np.testing.assert_array_equal(network.network(cutoff)(windows), windows)
    assert max(c for c in calls if c <= limit) == 2
    limit = 0
    with pytest.raises(UserError, match="smaller tiles"):
        network.network(cutoff)(windows)


def _memory_of_a_video(folder: str) -> tuple[float, float]:
    """Return the MiB that predicting two planes and then a whole video of 300 MiB adds."""
    import resource
    import sys
    from pathlib import Path

    import tifffile

    path = Path(folder, "video.tif")
    shape = (150, 1024, 1024)
    frames = tifffile.memmap(path, shape=shape, dtype=">u2", imagej=True, metadata={"axes": "TYX"})
    frames[::50, 100:140, 100:140] = 60000
    frames.flush()
    del frames
    bundle = models.threshold()
    unit = 2**20 if sys.platform == "darwin" else 2**10

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

    def private() -> float:
        # What is mapped counts as used while it lies in the cache, but is no memory of ours.
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

    image = images.read(path, mapped=True)
    for _ in planes(bundle, image.isel(T=slice(2))):
        pass
    first, own = peak(), private()
    seen, most = 0, 0.0
    for _ in planes(bundle, image):
        seen += 1
        most = max(most, private())
    assert seen == shape[0]
    return peak() - first, most - own


@pytest.mark.thorough
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is read from /proc")
def test_a_large_video_is_read_plane_by_plane(own_process, tmp_path):
    grown, private = own_process(_memory_of_a_video, str(tmp_path))
    print(f"peak grew by {grown:.0f} MiB, private memory by {private:.0f} MiB")
    # The video of 300 MiB itself may be in the page cache, but never a copy of it.
    assert private < 100
    assert grown < 300 + 100
