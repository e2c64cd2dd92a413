"""An image that is unlike those of the training is said to be, and recorded so, once."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi
from small_models import threshold

from imagej_dl import images
from imagej_dl.errors import DataWarning
from imagej_dl.images.intensities.likeness import FILE, Likeness, measured
from imagej_dl.images.labels import provenance
from imagej_dl.prediction import Prediction, predict, unlike
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.rescaling import AS_IT_IS, Scale
from imagej_dl.prediction.results import Results


def plane(seed, noise=2.0, radius=6):
    rng = np.random.default_rng(seed)
    y, x = np.indices((96, 96))
    image = np.full((96, 96), 40.0)
    for cy, cx in np.ndindex(4, 4):
        image[(y - 12 - 24 * cy) ** 2 + (x - 12 - 24 * cx) ** 2 < radius**2] = 220
    return np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A model by threshold, with what its training images would have been like."""
    folder = tmp_path_factory.mktemp("model")
    planes = [measured(plane(seed), 12) for seed in range(4)]
    like = Likeness.of(planes, [11.8, 12.2], 12)
    (folder / FILE).write_text(like.model_dump_json(), encoding="utf-8")
    return replace(threshold(), folder=folder)


def said(bundle, pixels, axes="YX"):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = predict(bundle, images.make(pixels, axes, title="new.tif"), diameter="model")
    return [str(one.message) for one in found if one.category is DataWarning], result


def test_an_image_of_the_kind_is_not_warned_of(bundle):
    found, result = said(bundle, plane(9))
    assert (found, result.unlike) == ([], ())


def test_a_noisy_image_is_said_to_be_with_numbers(bundle):
    found, result = said(bundle, plane(9, noise=25))
    assert len(found) == 1
    assert "noise" in result.unlike[0]
    assert found[0].startswith("new.tif: unlike the images that the model was trained on: noise")
    assert "0.02 to 0.02 in those" in found[0]


def test_a_movie_is_warned_of_once(bundle):
    found, _ = said(bundle, np.stack([plane(9 + t, noise=25) for t in range(6)]), "TYX")
    assert len(found) == 1


def test_objects_of_another_size_are_told_in_px_of_the_model(bundle):
    image = images.make(plane(9, radius=11), "YX")
    labels = ndi.label(plane(9, noise=0, radius=11) > 127)[0]
    (far,) = [f for f in unlike.compared(bundle, image, labels, AS_IT_IS) if f.name == "diameter"]
    assert far.value == pytest.approx(22, abs=1)
    half = unlike.compared(bundle, image, labels, Scale((0.55, 0.55)))
    assert "diameter" not in {one.name for one in half}


def test_noise_that_was_told_is_not_told_again(bundle):
    image = images.make(plane(9, noise=25), "YX")
    far = unlike.compared(bundle, image, np.zeros((96, 96), np.uint16), AS_IT_IS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        noise = [one for one in far if one.name == "noise"]
        assert len(unlike.tell(noise, "new.tif", {"noise"})) == 1


def test_a_model_without_the_file_compares_nothing(bundle, tmp_path):
    assert said(replace(bundle, folder=tmp_path), plane(9, noise=25))[1].unlike == ()
    (tmp_path / FILE).write_text("{}", encoding="utf-8")
    found, _ = said(replace(bundle, folder=tmp_path), plane(9))
    assert "is damaged" in found[0]


def test_it_is_recorded_in_the_label_map(tmp_path):
    labels = images.make(np.ones((8, 8), np.uint16), "YX")
    results = Results(tmp_path, rois=False, probabilities=False)
    source = Source(tmp_path / "new.tif", "new", labels)
    results.write(source, Prediction(labels, unlike=("noise is 3",)), False, {"model": "m"})
    assert provenance.read(tmp_path / "new.tif")["unlike"] == ["noise is 3"]
