"""One list of layers: whatever a network is made of is opened again, and has a halo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imagej_dl.models import backend, trust
from imagej_dl.models.layers import LAYERS
from imagej_dl.models.networks.registry import NETWORKS
from imagej_dl.models.receptive_field import receptive_field

pytestmark = pytest.mark.tf


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_opened_again_in_safe_mode_and_has_a_halo(
    name: str, tmp_path: Path
) -> None:
    network = NETWORKS[name]()
    model = network.build()
    model.save(tmp_path / "model.keras")
    trust.check_parts(tmp_path / "model.keras")
    again = backend.keras().models.load_model(
        tmp_path / "model.keras", compile=False, safe_mode=True
    )
    assert again.count_params() == model.count_params()
    field = receptive_field(again)
    assert field.halo > 0
    assert network.multiple_of % field.multiple_of == 0


def test_all_layers_are_those_of_keras() -> None:
    layers = backend.keras().layers
    assert all(hasattr(layers, name) for name in LAYERS)


TOY = '''
"""A network of two layers."""

from imagej_dl.models import backend
from imagej_dl.models.networks.base import Network


class Toy(Network):
    """Two layers."""

    name = "toy"

    @property
    def multiple_of(self):
        return 1

    def build(self):
        keras = backend.keras()
        inputs = keras.Input((None, None, self.channels))
        x = keras.layers.Conv2D(4, 5, padding="same")(inputs)
        x = keras.layers.LeakyReLU()(x)
        return keras.Model(inputs, self._probabilities(x))
'''

USE = """
import pkgutil, sys
from pathlib import Path
listed = pkgutil.iter_modules
def with_toy(path=None, prefix=""):  # as if toy.py lay in the folder of networks
    if prefix == "imagej_dl.models.networks.":
        path.append(sys.argv[1])
    return listed(path, prefix)
pkgutil.iter_modules = with_toy
from imagej_dl.commands.train import Train
from imagej_dl.models import backend, network, trust
from imagej_dl.models.receptive_field import receptive_field
from imagej_dl.training.settings import Settings
Train.declare({"project": ".", "out": "m", "architecture": "toy"})
assert Settings.of({"architecture": "toy", "patch": 32}).architecture == "toy"
file = Path(sys.argv[1]) / "model.keras"
network("toy", {}).build().save(file)
trust.check_parts(file)
again = backend.keras().models.load_model(file, compile=False, safe_mode=True)
assert receptive_field(again).halo == 2
"""


def test_a_new_network_is_one_module(tmp_path: Path) -> None:
    """The trainer, the command line and the model files know it without another line."""
    (tmp_path / "toy.py").write_text(TOY)
    done = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
