"""Ensembles: what is averaged, and which models go together."""

from __future__ import annotations

import numpy as np
import pytest
import small_models as models

from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.models import save
from imagej_dl.prediction import predict

pytestmark = pytest.mark.tf

PLANE = np.random.default_rng(0).integers(0, 255, (70, 53), np.uint8)


@pytest.fixture(scope="module")
def net():
    return models.unet()


def like(bundle, **changed):
    return models.ModelBundle(bundle.model, bundle.config.model_copy(update=changed))


def test_a_model_with_itself_gives_what_it_gives_alone(net):
    alone = predict(net, PLANE, probabilities=True)
    together = predict(net, PLANE, probabilities=True, ensemble=[net])
    np.testing.assert_array_equal(together.probabilities, alone.probabilities)
    np.testing.assert_array_equal(together.labels, alone.labels)


def test_outputs_are_averaged_each_model_with_its_own_network_and_intensities(net, tmp_path):
    other = models.unet(depth=2)  # of another halo and other multiples
    rule = Normalisation(method="range")
    other = like(other, normalisation=rule, frames=1)
    save(other.model, other.config, tmp_path / "other", test_image=PLANE)
    mean = (net.probabilities(PLANE) + other.probabilities(PLANE)) / 2
    assert np.abs(mean - net.probabilities(PLANE)).max() > 1e-3
    for one in (other, tmp_path / "other", str(tmp_path / "other")):
        for tile in (None, 120):
            found = predict(net, PLANE, probabilities=True, ensemble=[one], tile=tile)
            found = found.probabilities.transpose("Y", "X", "C")
            np.testing.assert_allclose(found, mean, atol=1e-5)


def test_with_views_all_passes_count_the_same(net):
    other = like(net, normalisation=Normalisation(method="range"))
    found = predict(net, PLANE, probabilities=True, ensemble=[other], augment="flips")
    parts = [predict(one, PLANE, probabilities=True, augment="flips") for one in (net, other)]
    mean = (parts[0].probabilities + parts[1].probabilities) / 2
    np.testing.assert_allclose(found.probabilities, mean, atol=1e-5)


def test_the_post_processing_is_that_of_the_first(net):
    strict = net.config.instances.model_copy(update={"minimum_area": 10**6})
    assert predict(net, PLANE, ensemble=[like(net, instances=strict)]).labels.max() > 0
    assert predict(like(net, instances=strict), PLANE, ensemble=[net]).labels.max() == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"border_size": 3}, "settings of its method.*border_size 3, not border_size 2"),
        ({"object_diameter": 20.0}, "diameter of the training objects, which is 2 times"),
        ({"unit": "µm", "pixel_width": 1.0}, "pixel size of the training images.* 2 times"),
    ],
)
def test_models_that_do_not_go_together_are_refused(net, changed, words):
    first = like(net, object_diameter=10.0, unit="µm", pixel_width=0.5)
    other = like(first, **changed)
    with pytest.raises(UserError, match=f"differs from the first model in .*{words}"):
        predict(first, PLANE, ensemble=[first, other])


def test_other_kinds_and_channels_are_refused(net):
    with pytest.raises(UserError, match=r"in its kind .binary, not border"):
        predict(net, PLANE, ensemble=[models.threshold()])
    with pytest.raises(UserError, match=r"in its input channels .2, not 1"):
        predict(models.threshold(), PLANE, ensemble=[models.threshold(channels=2)])


def test_what_one_of_them_does_not_know_is_no_difference(net):
    known = like(net, object_diameter=10.0, unit="µm", pixel_width=0.5)
    assert predict(net, PLANE, ensemble=[known]).labels.shape == PLANE.shape
    alike = like(known, object_diameter=12.0, unit="nm", pixel_width=510.0)
    assert predict(known, PLANE, ensemble=[alike]).labels.shape == PLANE.shape


def test_each_model_has_its_own_intensities_of_resampled_pixels(net):
    """Some normalisations depend on the pixels' type, which resampling must keep for them."""
    rule = Normalisation(method="range")
    first, other = (
        like(net, object_diameter=10.0, normalisation=r) for r in (Normalisation(), rule)
    )
    parts = [predict(one, PLANE, probabilities=True, diameter=20) for one in (first, other)]
    for pair in ((first, other), (other, first)):
        found = predict(pair[0], PLANE, probabilities=True, diameter=20, ensemble=[pair[1]])
        mean = (parts[0].probabilities + parts[1].probabilities) / 2
        np.testing.assert_allclose(found.probabilities, mean, atol=1e-5)
