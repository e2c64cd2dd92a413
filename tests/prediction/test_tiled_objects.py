"""Objects of a plane that is predicted in tiles, and in parts, are those of the whole plane."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import bundle_of

from imagej_dl import images
from imagej_dl.images import Normalisation
from imagej_dl.methods import registry
from imagej_dl.methods.base import Method, Truth
from imagej_dl.models import ModelBundle, backend
from imagej_dl.prediction import predict

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "methods"))
import embedded
from star_shapes import ellipses

pytestmark = pytest.mark.tf

HALO, SHAPE = 2, (230, 290)
INSTANCES = [name for name, kind in registry.METHODS.items() if kind.gives == "instances"]


def smoothing(kind: str) -> ModelBundle:
    """A network of one convolution, which blurs each channel of its input by 5 × 5 pixels.

    So an image whose channels are a method's output, and some noise, gives that output with doubt.
    """
    keras, method = backend.keras(), registry.METHODS[kind]()
    channels = len(method.channels)
    inputs = keras.Input((None, None, channels))
    layer = keras.layers.Conv2D(channels, 2 * HALO + 1, padding="same", use_bias=False)
    model = keras.Model(inputs, layer(inputs))
    kernel = np.einsum("y,x,io->yxio", *2 * [[0.1, 0.2, 0.4, 0.2, 0.1]], np.eye(channels))
    model.set_weights([kernel.astype(np.float32)])
    return bundle_of(
        model,
        kind,
        halo=HALO,
        multiple_of=8,
        channels=channels,
        classes=list(method.channels),
        normalisation=Normalisation(method="range", largest=1.0),
        instances=method.default_postprocessing(),
    )


def output(method: Method, labels: np.ndarray) -> np.ndarray:
    """Return what a network that makes no mistake gives for a label map, (Y, X, channels)."""
    if method.name == "embeddings":
        return embedded.ideal(labels, method, sigma=4.0)
    if method.name == "denoiseg":
        classes = output(registry.METHODS["border"](), labels)
        return np.concatenate([np.zeros((*labels.shape, method.intensities)), classes], axis=-1)
    around = np.pad(labels, method.margin, "symmetric")
    made = method.targets(Truth(around, method.margin))
    if method.target_kind == "values":
        return made
    count = len(method.channels)
    return (np.eye(count) if count > 1 else np.array([[0], [1]]))[made]


@pytest.mark.parametrize("kind", INSTANCES)
def test_tiled_and_in_parts_as_whole(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = ellipses(3, SHAPE, count=160, radii=(4, 13))
    bundle, rng = smoothing(kind), np.random.default_rng(0)
    # Without noise there were ties, which the last digit decides.
    values = output(bundle.config.method, labels) + rng.normal(0, 0.02, (*SHAPE, 1))
    image = images.make(np.moveaxis(values, -1, 0).astype(np.float32), "CYX")
    whole = predict(bundle, image, tile=4096)
    found = whole.labels.values
    # Most objects are found, so that equality says something.
    assert len(np.unique(found)) - 1 > 80

    def same(tile: int, **more: Any) -> bool:
        tiled = predict(bundle, image, tile=tile, **more)
        assert tiled.left_out == whole.left_out
        return bool(np.array_equal(tiled.labels.values, found))

    assert same(32, batch=5)
    assert same(104)
    # As large planes are: objects are made of parts of the plane, while it is predicted.
    monkeypatch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
    for module in ("blockwise", "embedding_blocks"):
        monkeypatch.setattr(f"imagej_dl.methods.shared.{module}._BLOCK", 110)
        monkeypatch.setattr(f"imagej_dl.methods.shared.{module}._MARGIN", 24)
    monkeypatch.setattr("imagej_dl.methods.shared.flow_objects._BAND", 8000)
    assert same(72)
    # With less than what the network sees, it would not be so.
    with pytest.warns(match="tile edges may show"):
        assert not same(32, halo=0)
