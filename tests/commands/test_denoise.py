"""`imagej-dl denoise`: the image, the two models beside it, and how it goes on after a stop."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import noisy_movie
import numpy as np
import pytest
from click.testing import CliRunner

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.commands import denoise_data, menu
from imagej_dl.commands import denoise_record as record
from imagej_dl.commands.denoise import Denoise
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.prediction import preview
from imagej_dl.prediction.inputs import Source
from imagej_dl.progress import silent
from imagej_dl.training.settings import Settings

SMALL: dict[str, Any] = {
    "epochs": 2,
    "steps": 4,
    "patch": 32,
    "batch": 4,
    "settings": {"width": 4},
}


def noisy(seed: int) -> Any:
    return noisy_movie.movie(seed=seed).isel(T=0)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    images.write(noisy(1), tmp_path / "noisy.tif")
    return tmp_path / "noisy.tif"


def denoise(image: Path, **changed: Any) -> Denoise:
    return Denoise.declare({"images": [image], "out": image.parent / "out", **SMALL, **changed})


def epochs(model: Path) -> int:
    with (model / "log.csv").open() as file:
        return len(list(csv.DictReader(file)))


def ended(model: Path) -> str:
    return json.loads((model / "metrics.json").read_text())["ended"]


def weights(model: Path) -> list[np.ndarray]:
    return models.load(model).model.get_weights()


class Stop:
    """A progress that is stopped once, when the first epoch is complete."""

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException | None = error
        self.trained = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self.trained and self.error is not None:
            error, self.error = self.error, None
            raise error

    def watch(self, epoch: Any) -> None:
        self.trained = True


def test_the_keys_of_its_macro_line() -> None:
    keys = {field["key"]: field["type"] for field in menu.describe("denoise")["fields"]}
    assert keys == {
        "images": "file",
        "out": "folder",
        "kind": "choice",
        "targets": "file",
        "minutes": "float",
        "epochs": "int",
        "steps": "int",
        "patch": "int",
        "patch_slices": "int",
        "frames": "int",
        "batch": "int",
        "validation": "file",
        "model": "folder",
        "seed": "int",
        "tile": "int",
        "type": "choice",
        "settings": "text",
        "resume": "bool",
        "overwrite": "bool",
    }
    assert menu.MENU["denoise"] == "ImageJ-DL Denoise"


def test_it_takes_five_minutes_or_the_epochs_that_are_given() -> None:
    assert Denoise().given()["minutes"] == 5
    assert Denoise(epochs=3).given()["minutes"] is None
    assert Denoise(epochs=3, minutes=1).given()["minutes"] == 1


def in_the_shell(image: Path) -> list[str]:
    """Return the command line of :func:`denoise`."""
    more = ["--epochs", "2", "--steps", "4", "--patch", "32", "--batch", "4"]
    more += ["--settings", '{"width": 4}']
    return ["denoise", str(image), "--out", str(image.parent / "out"), *more]


@pytest.fixture(scope="module")
def denoised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image of :func:`image`, denoised in the shell; it is changed nowhere."""
    path = tmp_path_factory.mktemp("denoised") / "noisy.tif"
    images.write(noisy(1), path)
    result = CliRunner().invoke(cli, in_the_shell(path), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return path


@pytest.mark.tf
def test_an_image_is_denoised_and_both_models_are_kept(denoised: Path, tmp_path: Path) -> None:
    image, out = denoised, denoised.parent / "out"
    assert sorted(path.name for path in out.iterdir()) == ["denoise.json", "model", "noisy.tif"]
    given, made = images.read(image), images.read(out / "noisy.tif")
    assert made.shape == given.shape
    assert made.attrs["unit"] == "um"
    assert made.attrs["pixel_width"] == 0.5
    for model in (out / "model", out / "model" / "last"):
        assert models.load(model, verify=True).config.kind == "n2v2"

    again = CliRunner().invoke(cli, in_the_shell(image))
    assert isinstance(again.exception, UserError)
    assert "noisy.tif: is already there" in str(again.exception)
    images.write(noisy(2), tmp_path / "other.tif")
    other = ["predict", str(out / "model"), str(tmp_path / "other.tif")]
    result = CliRunner().invoke(cli, [*other, "--out", str(tmp_path / "others")])
    assert result.exit_code == 0, result.output
    assert images.read(tmp_path / "others" / "other.tif").shape == given.shape


@pytest.mark.thorough
@pytest.mark.tf
def test_the_last_model_has_the_weights_of_the_last_epoch(tmp_path: Path) -> None:
    seen = []

    def watch(epoch: Any) -> None:
        seen.append(epoch.bundle.model.get_weights())

    given = {k: v for k, v in SMALL.items() if k != "settings"} | SMALL["settings"]
    bundle = training.train([noisy(1)], tmp_path / "model", kind="n2v2", watch=watch, **given)
    for kept, now in zip(weights(tmp_path / "model" / "last"), seen[-1], strict=True):
        np.testing.assert_array_equal(kept, now)
    best = json.loads((tmp_path / "model" / "metrics.json").read_text())["best_epoch"]
    for kept, now in zip(bundle.model.get_weights(), seen[best - 1], strict=True):
        np.testing.assert_array_equal(kept, now)


@pytest.mark.tf
def test_a_killed_denoising_goes_on_by_the_same_command(image: Path, denoised: Path) -> None:
    whole = denoised.parent / "out"
    killed = denoise(image)
    stop = Stop(MemoryError("as good as a kill"))
    with pytest.raises(MemoryError):
        killed.run(stop, stop.watch)
    model = image.parent / "out" / "model"
    assert not (model / "config.json").exists()
    with pytest.raises(UserError, match="other settings"):
        denoise(image, seed=3).run(silent)
    killed.run(silent)
    assert epochs(model) == 2
    for one, other in zip(weights(model), weights(whole / "model"), strict=True):
        np.testing.assert_array_equal(one, other)
    # Killed in the prediction: the model is used.
    (image.parent / "out" / "noisy.tif").unlink()
    before = (model / "model.keras").read_bytes()
    killed.run(silent)
    assert (model / "model.keras").read_bytes() == before
    np.testing.assert_array_equal(
        images.read(image.parent / "out" / "noisy.tif"),
        images.read(whole / "noisy.tif"),
    )


@pytest.mark.thorough(except_for=["error0"])
@pytest.mark.tf
@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt()])
def test_cancelled_it_keeps_the_model_so_far_and_its_image(
    image: Path, error: BaseException
) -> None:
    out = image.parent / "out"
    stop = Stop(error)
    denoise(image).run(stop, stop.watch)
    assert ended(out / "model") == "cancelled"
    assert epochs(out / "model") == 1
    first = (out / "noisy.tif").stat().st_mtime_ns
    with pytest.raises(UserError, match="is already there"):
        denoise(image).run(silent)
    denoise(image, resume=True).run(silent)
    assert (epochs(out / "model"), ended(out / "model")) == (2, "all epochs")
    assert (out / "noisy.tif").stat().st_mtime_ns > first


@pytest.mark.tf
def test_another_image_or_setting_replaces_nothing_unasked(denoised: Path, tmp_path: Path) -> None:
    shutil.copytree(denoised.parent, tmp_path, dirs_exist_ok=True)
    image, out = tmp_path / denoised.name, tmp_path / "out"
    assert image.stat().st_mtime_ns == denoised.stat().st_mtime_ns  # by which it is known
    images.write(noisy(2), image.parent / "other.tif")
    before = (out / "model" / "model.keras").read_bytes()
    for changed in ({"images": [image.parent / "other.tif"]}, {"patch": 48}):
        with pytest.raises(UserError, match="other images, or with other settings"):
            denoise(image, **changed).run(silent)
    assert (out / "model" / "model.keras").read_bytes() == before
    denoise(image, patch=48, overwrite=True).run(silent)
    assert models.load_config(out / "model").patch == 48


@pytest.mark.thorough
@pytest.mark.tf
def test_a_movie_with_another_image_for_validation(tmp_path: Path) -> None:
    images.write(noisy_movie.movie(frames=3), tmp_path / "movie.tif")
    images.write(noisy(2), tmp_path / "held.tif")
    denoise(tmp_path / "movie.tif", validation=tmp_path / "held.tif").run(silent)
    made = images.read(tmp_path / "out" / "movie.tif")
    assert dict(made.sizes) == {"T": 3, "Y": 96, "X": 96}
    split = json.loads((tmp_path / "out" / "model" / "split.json").read_text())
    assert split["by"] == "folders"
    assert len(split["train"]) == 3
    assert len(split["validation"]) == 1


@pytest.mark.thorough
@pytest.mark.tf
def test_a_movie_with_several_frames_at_once(tmp_path: Path) -> None:
    path, out = tmp_path / "movie.tif", tmp_path / "out"
    images.write(noisy_movie.movie(frames=4), path)
    denoise(path, frames=3).run(silent)
    made = images.read(out / "movie.tif")
    assert dict(made.sizes) == {"T": 4, "Y": 96, "X": 96}
    model = out / "model"
    assert models.load_config(model).frames == 3
    Predict.declare({"model": model, "images": [path], "out": tmp_path / "again"}).run(silent)
    again = images.read(tmp_path / "again" / "movie.tif")
    np.testing.assert_array_equal(again, made)
    blocks = {"scheduler": "serial", "tile": 64, "out": tmp_path / "blocks"}
    Predict.declare({"model": model, "images": [path], **blocks}).run(silent)
    np.testing.assert_allclose(images.read(tmp_path / "blocks" / "movie.tif"), made, atol=0.01)
    part = {"T": 1, "Y": slice(20, 60), "X": slice(30, 70)}
    shown = preview(models.load(model), images.read(path), part)
    np.testing.assert_allclose(shown, made.isel(part), atol=0.01)
    images.write(images.read(path).isel(T=slice(2)), tmp_path / "short.tif")
    with pytest.raises(UserError, match=r"short.tif: the network sees 3 frames at once.* has 2"):
        Predict.declare(
            {"model": model, "images": [tmp_path / "short.tif"], "out": tmp_path / "none"}
        ).run(silent)


def test_kinds_that_denoise_each_frame_by_itself_say_so() -> None:
    with pytest.raises(UserError, match="frames: kind divnoising learns each frame by itself"):
        Denoise(kind="divnoising", frames=3).given()
    several = {"kind": "denoiseg", "architecture": "unet_n2v_frames", "frames": 3}
    with pytest.raises(UserError, match="frames: kind denoiseg learns each frame by itself"):
        Settings.of(several)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Three noisy images of two channels, and second ones of the same places."""
    for seed in range(3):
        for place, again in (("noisy", 0), ("second", 100)):
            planes = [noisy_movie.movie(1, seed=seed, again=again + i).isel(T=0) for i in (0, 1)]
            image = images.make(np.stack(planes), "CYX", title=f"{seed}.tif")
            images.write(image, tmp_path / place / f"{seed}.tif")
    return tmp_path


@pytest.mark.thorough
@pytest.mark.tf
def test_an_image_is_denoised_by_its_second_image(pairs: Path) -> None:
    one, second = pairs / "noisy" / "0.tif", pairs / "second" / "0.tif"
    out = pairs / "one"
    settings = {"width": 4, "method_settings": {"together": False}}
    given = {"kind": "noise2noise", "targets": second, "out": out, "settings": settings}
    denoise(one, **given).run(silent)
    config = models.load(out / "model", verify=True).config
    assert config.kind == "noise2noise"
    assert config.architecture.arguments["apart"] is True
    assert dict(images.read(out / "0.tif").sizes) == {"C": 2, "Y": 96, "X": 96}
    split = json.loads((out / "model" / "split.json").read_text())
    assert split["by"] == "regions"
    # The same command goes on; with another target it does not.
    (out / "0.tif").unlink()
    before = (out / "model" / "model.keras").read_bytes()
    denoise(one, **given).run(silent)
    assert (out / "model" / "model.keras").read_bytes() == before
    (out / "0.tif").unlink()
    with pytest.raises(UserError, match="other images"):
        denoise(one, **given | {"targets": pairs / "second" / "1.tif"}).run(silent)


@pytest.mark.tf
def test_a_folder_of_pairs_with_pairs_for_validation(pairs: Path) -> None:
    for place, name in (("low", "noisy"), ("high", "second")):
        (pairs / "held" / place).mkdir(parents=True)
        (pairs / name / "2.tif").rename(pairs / "held" / place / "2.tif")
    given = {"images": [pairs / "noisy"], "targets": pairs / "second", "kind": "care"}
    denoise(pairs, **given, validation=pairs / "held", out=pairs / "out").run(silent)
    assert sorted(path.name for path in (pairs / "out").glob("*.tif")) == ["0.tif", "1.tif"]
    split = json.loads((pairs / "out" / "model" / "split.json").read_text())
    assert split["by"] == "folders"
    assert [Path(name).name for name in split["validation"]] == ["2.tif"]


def test_pairs_that_do_not_go_together_are_refused(image: Path) -> None:
    folder = image.parent
    (folder / "good").mkdir()
    images.write(noisy(2), folder / "good" / "other.tif")
    images.write(noisy(2).isel(Y=slice(64)), folder / "small.tif")
    images.write(noisy(2), folder / "second" / "noisy.tif")
    care = {"kind": "care", "targets": folder / "small.tif"}
    for changed, words in (
        ({"targets": image}, "learns from no targets"),
        ({"kind": "care"}, "no targets are given.*--targets"),
        (care | {"targets": image}, "its own target"),
        (care | {"targets": folder / "good"}, r"no file in .*good is called as noisy\.tif"),
        (care | {"targets": folder / "no.tif"}, "no such file"),
        (care | {"validation": folder / "small.tif"}, "pairs are validated by pairs"),
        (care | {"images": [image, folder / "good" / "other.tif"]}, "there are 2 to learn from"),
        ({"validation": image}, "cannot validate: it is trained on"),
        (
            care | {"targets": folder / "second" / "noisy.tif", "out": folder / "second"},
            r"second.noisy\.tif: is an image that is learnt from; the result would overwrite it",
        ),
    ):
        with pytest.raises(UserError, match=words):
            denoise(image, **changed).run(silent)
    with pytest.raises(UserError, match=r"small\.tif: is 96 × 64 px, but its image is 96 × 96 px"):
        denoise(image, **care).run(silent)
    assert not (folder / "out" / "model").exists()


def test_open_images_stand_for_files(image: Path) -> None:
    source = Source(Path("noisy.tif"), "noisy", noisy(1).assign_attrs(title="noisy.tif"))
    other = noisy(2).assign_attrs(title="other.tif")
    held = denoise_data.collect([source], "itself", None, Path("other.tif"), {"validation": other})
    assert [one.name for one, _ in held.validation] == ["other"]
    assert held.given.validation[0][0] is other
    same = {"validation": noisy(1).assign_attrs(title="noisy.tif")}
    with pytest.raises(UserError, match=r"noisy\.tif: cannot validate"):
        denoise_data.collect([source], "itself", None, Path("noisy.tif"), same)
    own = Source(image, "noisy", source.image)  # open, and a file as well
    with pytest.raises(UserError, match="its own target"):
        denoise_data.collect([own], "image", image, None, {})
    paired = denoise_data.collect([source], "image", Path("other.tif"), None, {"targets": other})
    assert paired.given.train[0][1] is other
    plain = denoise_data.collect([source], "itself", None, None, {})
    assert "targets" not in record.asked(plain, {})
    assert record.asked(paired, {})["targets"] != [record.stamp(source)]
    check = denoise(image, images=[], kind="care", targets=Path("x.tif")).with_opened
    check({"targets": None}).check()


def test_what_would_end_it_is_said_before_it_begins(image: Path) -> None:
    for changed, words in (
        ({"out": None}, "--out"),
        ({"out": image.parent}, "result would overwrite"),
        ({"resume": True}, "no stopped training"),
        ({"resume": True, "overwrite": True}, "exclude each other"),
        ({"patch": 33}, "not a multiple"),
        ({"images": [image.parent / "none.tif"]}, "none.tif"),
        ({"images": []}, "name the images"),
    ):
        with pytest.raises(UserError, match=words):
            denoise(image, **changed).run(silent)
    assert sorted(path.name for path in image.parent.iterdir()) == ["noisy.tif"]
