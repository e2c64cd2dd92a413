"""`imagej-dl predict --scheduler`: the result of the whole image, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

sys.path.append(str(Path(__file__).parents[1] / "prediction"))
sys.path.append(str(Path(__file__).parents[1] / "methods"))
import small_models
from star_shapes import ellipses
from test_tiled_objects import output, smoothing

from imagej_dl import images
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.images.intensities import likeness
from imagej_dl.images.intensities.likeness import Likeness
from imagej_dl.images.labels import provenance
from imagej_dl.models import Instances, ModelBundle, backend, save
from imagej_dl.prediction import predict
from imagej_dl.progress import Progress, silent

pytestmark = pytest.mark.tf
SHAPE = (110, 150)
TILE = 56


class Case:
    """A model, an image, the label map of the whole, and a prediction that was stopped."""

    def __init__(
        self, folder: Path, kind: str = "border", radii: tuple[int, int] = (4, 12)
    ) -> None:
        bundle = smoothing(kind)
        self.bundle, self.model, self.image = bundle, folder / "model", folder / "plane.tif"
        labels = ellipses(3, SHAPE, count=45, radii=radii)
        noise = np.random.default_rng(0).normal(0, 0.02, (*SHAPE, 1))
        values = (output(bundle.config.method, labels) + noise).astype(np.float32)
        self.pixels = images.make(np.moveaxis(values, -1, 0), "CYX", pixel_width=0.5, unit="µm")
        images.write(self.pixels, self.image)
        test_image = np.zeros((16, 16, values.shape[-1]), np.uint8)
        save(bundle.model, bundle.config, self.model, test_image=test_image)

    def command(self, out: Path, scheduler: str = "serial", **more: Any) -> dict[str, Any]:
        values = {"model": self.model, "images": [self.image], "out": out, "rois": False}
        return values | {"tile": TILE, "scheduler": scheduler} | more

    def run(self, out: Path, progress: Progress = silent, **more: Any) -> np.ndarray:
        Predict.declare(self.command(out, **more)).run(progress)
        assert os.listdir(out) == ["plane.tif"]  # nothing else is left
        return images.read_labels(out / "plane.tif").values


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("border"))


@pytest.fixture(scope="module")
def whole(case: Case) -> np.ndarray:
    found = predict(case.bundle, case.pixels, tile=4096).labels.values
    assert found.max() > 20
    return found


@pytest.fixture(scope="module")
def half(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of which the network has done its part; what is left needs no TensorFlow."""
    out = tmp_path_factory.mktemp("half") / "out"
    with pytest.raises(Cancelled):
        case.run(out, stop_at("objects", 1))
    return out


def stop_at(stage: str, number: int) -> Progress:
    def progress(now: str, done: int, total: int) -> None:
        if (now, done) == (stage, number):
            raise Cancelled

    return progress


def folder_of(out: Path) -> Path:
    (folder,) = out.glob(".plane-*.blocks")
    return folder


def test_blocks_give_what_the_whole_plane_gives(case: Case, whole: np.ndarray, half: Path) -> None:
    before = len(list(folder_of(half).glob("network/*.json")))
    assert before == 12
    out = half.parent / "resumed"
    shutil.copytree(half, out)
    seen: list[tuple[str, int, int]] = []
    found = case.run(out, lambda *now: seen.append(now))
    assert np.array_equal(found, whole)
    assert ("predict", 12, 12) in seen  # the network was not run again
    assert not any(now[:2] == ("predict", 0) for now in seen)
    written = images.read_labels(out / "plane.tif")
    assert images.calibration(written) == images.calibration(case.pixels)
    assert provenance.read(out / "plane.tif")["objects"] == whole.max()


def test_after_other_settings_it_begins_anew(case: Case, half: Path) -> None:
    out = half.parent / "anew"
    shutil.copytree(half, out)
    found = case.run(out, minimum_area=120)
    config = case.bundle.config
    instances = config.instances.model_copy(update={"minimum_area": 120})
    case.bundle.config.__dict__["instances"], before = instances, config.instances
    try:
        assert np.array_equal(found, predict(case.bundle, case.pixels).labels.values)
    finally:
        case.bundle.config.__dict__["instances"] = before


@pytest.mark.parametrize("kind", ["flows", "embeddings"])
def test_a_method_that_looks_at_the_whole_plane(kind: str, tmp_path: Path) -> None:
    case = Case(tmp_path, kind)
    expected = predict(case.bundle, case.pixels, tile=4096)
    found = case.run(tmp_path / "out", tile=88)
    assert expected.labels.values.max() > 20
    assert np.array_equal(found, expected.labels.values)


def test_views_and_probabilities(case: Case, tmp_path: Path) -> None:
    expected = predict(case.bundle, case.pixels, augment="all", probabilities=True)
    values = case.command(tmp_path, augment="all", probabilities=True, tile=104)
    Predict.declare(values).run(silent)
    assert np.array_equal(images.read_labels(tmp_path / "plane.tif").values, expected.labels.values)
    found = images.read(tmp_path / "plane_probabilities.tif")
    assert expected.probabilities is not None
    np.testing.assert_allclose(
        found.values, expected.probabilities.transpose(*found.dims), atol=1e-6
    )


def test_killed_it_goes_on_where_it_was(case: Case, whole: np.ndarray, half: Path) -> None:
    out = half.parent / "killed"
    shutil.copytree(half, out)
    values = json.dumps(case.command(out), default=str)
    subprocess.run([sys.executable, "-c", KILLED, values], check=False, timeout=120)
    assert not (out / "plane.tif").exists()
    done = len(list(folder_of(out).glob("objects/*.json")))
    assert 5 <= done < 12
    assert np.array_equal(case.run(out), whole)


KILLED = """
import json, os, signal, sys
from imagej_dl.commands.predict import Predict

def progress(stage, done, total):
    if (stage, done) == ("objects", 5):
        os.kill(os.getpid(), signal.SIGKILL)

Predict.declare(json.loads(sys.argv[1])).run(progress)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A scheduler and two workers, each a process."""
    pytest.importorskip("distributed")
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    options = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    scheduler = subprocess.Popen(
        [*dask, *options], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    address = ""
    assert scheduler.stderr is not None
    for line in scheduler.stderr:
        if "Scheduler at:" in line:
            address = line.split()[-1]
            break
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "2"]
    workers = subprocess.Popen(
        [*worker, "--nthreads", "1", "--no-dashboard"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield address, scheduler
    # Together with what they have started themselves.
    for process in (workers, scheduler):
        with suppress(ProcessLookupError):  # workers end a while after their scheduler
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.thorough
def test_a_killed_worker_costs_nothing(
    case: Case, whole: np.ndarray, half: Path, cluster: tuple[str, Any]
) -> None:
    import distributed

    address, _ = cluster
    out = half.parent / "worker"
    shutil.copytree(half, out)
    killed: list[int] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "objects" and done >= 2 and not killed:
            with distributed.Client(address) as client:
                killed.extend(client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    assert np.array_equal(case.run(out, progress, scheduler=address), whole)
    assert killed


def test_after_the_scheduler_was_killed_it_goes_on(
    case: Case, whole: np.ndarray, half: Path, cluster: tuple[str, Any]
) -> None:
    address, scheduler = cluster
    out = half.parent / "scheduler"
    shutil.copytree(half, out)

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "objects" and done >= 3:
            scheduler.kill()

    with pytest.raises(UserError, match="scheduler"):
        case.run(out, progress, scheduler=address)
    assert len(list(folder_of(out).glob("objects/*.json"))) >= 3
    assert np.array_equal(case.run(out), whole)


def test_a_video_normalised_as_a_whole(tmp_path: Path) -> None:
    bundle = small_models.threshold()
    rule = bundle.config.normalisation.model_copy(update={"method": "percentile", "scope": "video"})
    config = bundle.config.model_copy(update={"normalisation": rule})
    save(bundle.model, config, tmp_path / "model", test_image=np.zeros((16, 16), np.uint8))
    movie = np.random.default_rng(1).integers(0, 50, (3, 40, 50)).astype(np.uint8)
    for t, frame in enumerate(movie):
        frame[5 : 15 + t, 5:20] += np.uint8(100 + 40 * t)
    image = images.make(movie, "TYX", frame_interval=2.0)
    images.write(image, tmp_path / "movie.tif")
    values = {"model": tmp_path / "model", "images": [tmp_path / "movie.tif"], "rois": False}
    Predict.declare(values | {"out": tmp_path / "out", "scheduler": "serial", "tile": 64}).run(
        silent
    )
    found = images.read_labels(tmp_path / "out" / "movie.tif", as_is=True)
    expected = predict(type(bundle)(bundle.model, config), image).labels
    assert np.array_equal(found.values, expected.values)
    assert found.attrs["frame_interval"] == 2.0


def recurrent(movie: xr.DataArray) -> ModelBundle:
    """A recurrent network with random weights; no last digit decides of its objects in a movie."""
    from imagej_dl.models.networks.registry import network
    from imagej_dl.models.receptive_field import receptive_field

    backend.keras().utils.set_random_seed(1)
    given = {"width": 2, "depth": 1, "classes": 1, "frames": 3}
    model = network("unet_lstm", given).build()
    field = receptive_field(model)
    bundle = small_models.bundle_of(
        model,
        "binary",
        halo=field.halo,
        multiple_of=field.multiple_of,
        frames=3,
        axes="TYX",
        instances=Instances(split=False, minimum_area=0),
    )
    *rest, kernel, bias = model.get_weights()
    model.set_weights([*rest, 1000 * kernel, bias])
    found = predict(bundle, movie, tile=4096, probabilities=True).probabilities
    assert found is not None
    values = np.sort(np.log(found.values / (1 - found.values)), axis=None)
    middle = values[len(values) // 4 : -len(values) // 4]
    gap = int(np.diff(middle).argmax())
    assert middle[gap + 1] - middle[gap] > 1e-4
    model.set_weights([*rest, 1000 * kernel, bias - middle[gap : gap + 2].mean()])
    return bundle


@pytest.mark.thorough
def test_a_movie_for_a_recurrent_network(tmp_path: Path) -> None:
    frames = [ellipses(5, (70, 100), count=12 + t, radii=(4, 9)) > 0 for t in range(3)]
    noise = np.random.default_rng(2).normal(100, 8, (3, 70, 100))
    movie = images.make((noise + 90 * np.stack(frames)).astype(np.uint8), "TYX", frame_interval=2.0)
    images.write(movie, tmp_path / "movie.tif")
    bundle = recurrent(movie)
    window = np.zeros((3, 16, 16), np.uint8)
    save(bundle.model, bundle.config, tmp_path / "model", test_image=window)
    values = {"model": tmp_path / "model", "images": [tmp_path / "movie.tif"], "rois": False}
    seen: list[tuple[str, int, int]] = []
    command = Predict.declare(values | {"out": tmp_path / "out", "scheduler": "serial", "tile": 48})
    command.run(lambda *now: seen.append(now))
    assert max(total for stage, _, total in seen if stage == "predict") > 3  # blocks, not frames
    found = images.read_labels(tmp_path / "out" / "movie.tif", as_is=True)
    assert min(frame.max() for frame in found.values) > 3
    assert np.array_equal(found.values, predict(bundle, movie, tile=4096).labels.values)
    assert found.attrs["frame_interval"] == 2.0


def test_an_image_unlike_the_training_is_said_to_be(case: Case, half: Path) -> None:
    out = half.parent / "unlike"
    shutil.copytree(half, out)
    channel = {"noise": (0.02, 0.02)}
    like = Likeness(planes=9, scale=12, channels=(channel,) * 3, diameter=(80, 90))
    file = case.model / likeness.FILE
    file.write_text(like.model_dump_json(), encoding="utf-8")
    try:
        with pytest.warns(DataWarning, match=r"unlike the images .* diameter of the objects"):
            case.run(out)
    finally:
        file.unlink()
    assert "80 to 90" in provenance.read(out / "plane.tif")["unlike"][-1]


def test_small_images_are_jobs_and_one_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    bundle = small_models.threshold()
    save(bundle.model, bundle.config, tmp_path / "model", test_image=np.zeros((16, 16), np.uint8))
    for name in "abc":
        plane = np.zeros((40, 50), np.float32 if name == "b" else np.uint8)
        plane[5:15, 5:20] = np.nan if name == "b" else 250
        images.write(images.make(plane), tmp_path / "in" / f"{name}.tif")
    values = {"model": tmp_path / "model", "images": [tmp_path / "in"], "rois": False}
    values |= {"out": tmp_path / "out", "scheduler": "serial"}
    for _ in range(2):  # the second time, those that are there are kept
        with pytest.raises(UserError, match=r"1 of [13] images|NaN"):
            Predict.declare(values).run(silent)
        assert sorted(os.listdir(tmp_path / "out")) == ["a.tif", "c.tif"]


@pytest.mark.parametrize("tile", [64, 32], ids=["one job", "blocks"])
def test_what_has_changed_since_is_read_anew(tmp_path: Path, tile: int) -> None:
    """Workers go on from one command to the next, and keep models and images open."""
    bundle, model, path = small_models.threshold(), tmp_path / "model", tmp_path / "plane.tif"
    values = {"model": model, "images": [path], "rois": False, "overwrite": True}
    values |= {"out": tmp_path / "out", "scheduler": "serial", "tile": tile}

    def found(pixels: np.ndarray, bias: float) -> np.ndarray:
        kernel, _ = bundle.model.get_weights()
        bundle.model.set_weights([kernel, np.array([bias])])
        test_image = np.zeros((16, 16), np.uint8)
        save(bundle.model, bundle.config, model, test_image=test_image, overwrite=True)
        images.write(images.make(pixels), path, overwrite=True)
        Predict.declare(values).run(silent)
        return images.read_labels(tmp_path / "out" / "plane.tif").values > 0

    plane = np.zeros((40, 50), np.uint8)
    plane[5:30, 5:40], plane[5:20, 5:20] = 100, 250
    assert np.array_equal(found(plane, -20.0), plane > 127)
    assert np.array_equal(found(plane, -10.0), plane > 63)
    assert np.array_equal(found(plane.T.copy(), -10.0), plane.T > 63)


@pytest.mark.parametrize(
    ("more", "words"),
    [({"workers": 2}, "workers"), ({"engine": "stardist"}, "scheduler"), ({"halo": 0}, None)],
)
def test_what_does_not_go_together_is_refused(
    case: Case, tmp_path: Path, more: dict[str, Any], words: str | None
) -> None:
    if words is None:
        with pytest.warns(DataWarning, match="tile edges may show"):
            case.run(tmp_path / "out", **more)
        return
    with pytest.raises(UserError, match=words):
        Predict.declare(case.command(tmp_path / "out", **more)).run(silent)
