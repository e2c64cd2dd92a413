"""Each network is trained at a learning rate of its own, unless another is given."""

import pytest

from imagej_dl.models.networks.registry import NETWORKS
from imagej_dl.training.settings import Settings


@pytest.mark.parametrize("name", sorted({*NETWORKS} - {"vae", "hvae"}))  # they give no classes
def test_the_networks_own_rate(name):
    own = NETWORKS[name].learning_rate
    assert Settings.of({"architecture": name}).learning_rate == own
    assert Settings.of({"architecture": name, "learning_rate": 0.02}).learning_rate == 0.02


def test_without_normalisation_it_is_lower():
    assert NETWORKS["categorical_unet"].learning_rate < NETWORKS["unet"].learning_rate
    assert Settings.of({}).learning_rate == NETWORKS["unet"].learning_rate
