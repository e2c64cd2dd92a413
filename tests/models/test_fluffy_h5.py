"""Models that Fluffy saved are read: the same network, the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from imagej_dl import images, models
from imagej_dl.commands.predict import Predict
from imagej_dl.commands.train import Train
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.progress import silent
from imagej_dl.training import fine_tuning

pytestmark = pytest.mark.tf


def fluffys(depth: int, width: int, last_width: int, classes: int) -> Any:
    """Build a network of this shape with Keras' own names, in the order that Fluffy has."""
    import keras
    from keras import layers

    x = inputs = keras.Input((None, None, 1))
    skips = []

    def block(x: Any, level: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(width * 2**level, 3, activation="relu", padding="same")(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.Dropout(min(0.1 * (level + 1), 0.5))(x)

    for level in range(depth):
        skips.append(block(x, level))
        x = layers.MaxPool2D()(skips[-1])
    for level in reversed(range(depth)):
        x = layers.UpSampling2D()(block(x, level))
        x = layers.Concatenate(axis=3)([x, skips[level]])
    for _ in range(2):
        x = layers.Conv2D(last_width, 3, activation="relu", padding="same")(x)
    x = layers.Conv2D(classes, 1, activation="sigmoid" if classes == 1 else "softmax")(x)
    model = keras.Model(inputs, x)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0.1, 0.2, w.shape) ** 2 for w in model.get_weights()])
    return model


def saved(model: Any, path: Path, old: bool) -> Path:
    """Save it; `old`: with the names of Keras 2, where a weight is LAYER/kernel:0."""
    model.save(path)
    if old:
        with h5py.File(path, "a") as file:
            names: list[str] = []
            file.visititems(lambda n, node: names.append(n) if hasattr(node, "shape") else None)
            for name in names:
                if name.startswith("model_weights/"):
                    _, layer, *_, weight = name.split("/")
                    file.move(name, f"model_weights/{layer}/{layer}/{weight}:0")
    return path


@pytest.mark.filterwarnings("ignore:You are saving")
@pytest.mark.parametrize(
    ("shape", "kind", "old"),
    [((2, 4, 8, 3), "border", True), ((1, 2, 4, 1), "binary", False)],
)
def test_it_gives_the_same_probabilities(
    shape: tuple[int, int, int, int], kind: str, old: bool, tmp_path: Path
) -> None:
    model = fluffys(*shape)
    path = saved(model, tmp_path / "20200101_cells.h5", old)
    with pytest.warns(DataWarning, match="a Fluffy model"):
        bundle = models.load(path)
    assert bundle.config.kind == models.load_config(path).kind == kind
    plane = np.random.default_rng(1).integers(0, 65536, (24, 32)).astype(np.uint16)
    expected = model.predict(plane[None, ..., None] / 65535, verbose=0)[0]
    np.testing.assert_allclose(bundle.probabilities(plane), expected, atol=1e-5)
    # Fluffy divides 8-bit images by 65535, too.
    small = (plane // 256).astype(np.uint8)
    expected = model.predict(small[None, ..., None] / 65535, verbose=0)[0]
    np.testing.assert_allclose(bundle.probabilities(small), expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:You are saving", "ignore:.*a Fluffy model")
def test_predict_takes_it(tmp_path: Path) -> None:
    path = saved(fluffys(2, 4, 8, 3), tmp_path / "20200101_cells.h5", True)
    images.write(images.make(np.zeros((32, 32), np.uint16)), tmp_path / "a.tif")
    given = {"model": path, "images": [tmp_path / "a.tif"], "out": tmp_path / "out"}
    Predict.declare(given).run(silent)
    assert images.read(tmp_path / "out" / "a.tif").shape == (32, 32)


def test_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(
        UserError, match=r"text\.h5: is not a weights file in HDF5 format, or is damaged"
    ):
        models.load(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["model_weights/dense/dense/kernel:0"] = np.zeros((2, 2))
    with pytest.raises(UserError, match=r"other\.h5: is not a Fluffy model \(0 convolutions"):
        models.load(tmp_path / "other.h5")
    with h5py.File(tmp_path / "far.h5", "w") as file:
        stored = [(str(tmp_path / "text.h5"), 0, 2)]
        file.create_dataset("model_weights/conv2d/kernel", (2,), "u1", external=stored)
    with pytest.raises(UserError, match=r"far\.h5: keeps its values in other files"):
        models.load(tmp_path / "far.h5")
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("model_weights/conv2d/kernel", (10**6, 10**6), "f4", chunks=True)
    with pytest.raises(UserError, match=r"huge\.h5: declares arrays of more than"):
        models.load(tmp_path / "huge.h5")


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:You are saving", "ignore:.*a Fluffy model")
def test_a_training_starts_from_it(tmp_path: Path) -> None:
    path = saved(fluffys(2, 4, 8, 3), tmp_path / "20200101_cells.h5", True)
    labels = np.zeros((32, 32), np.uint16)
    labels[4:12, 4:14], labels[18:28, 16:28] = 1, 2
    for name in "abc":
        images.write(
            images.make((labels > 0).astype(np.uint16) * 900), tmp_path / f"images/{name}.tif"
        )
        images.write(images.make(labels), tmp_path / f"masks/{name}.tif")
    begun, model = fine_tuning.read(path)
    assert (begun.name, model.config.kind) == ("20200101_cells.h5", "border")
    few = {"patch": 32, "epochs": 1, "batch": 2, "settings": {"steps": 1}}
    # The model's patch is Fluffy's; with a start it is not to be given.
    few.pop("patch")
    given = {"project": tmp_path, "out": tmp_path / "m", "start": path, **few}
    with pytest.warns(DataWarning):
        Train.declare(given).run(silent)
    config = models.load_config(tmp_path / "m")
    assert (config.normalisation.largest, config.patch) == (65535, 256)
