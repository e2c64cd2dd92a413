"""Callbacks of a training, apart from the training itself."""

import importlib

import pytest

from imagej_dl.errors import UserError
from imagej_dl.training.checkpoint import State
from imagej_dl.training.devices import SingleDevice
from imagej_dl.training.distributed.strategy import DistributedStrategy

pytestmark = pytest.mark.tf


@pytest.fixture
def module():
    return importlib.import_module("imagej_dl.training.callbacks")


class Machine(SingleDevice):
    """One of two machines; `sent` is what the first sends."""

    def __init__(self, is_chief, sent=None):
        self.is_chief, self.sent = is_chief, sent

    def on_chief(self, make):
        if not self.is_chief:
            return self.sent
        self.sent = make()
        return self.sent


def chief_only(machine, callbacks):
    module = importlib.import_module("imagej_dl.training.distributed.callbacks")
    return module.ChiefOnly(machine, callbacks)


def test_scores_of_the_first_machine_are_those_of_all(module):
    validated = []

    def validate(network):
        validated.append(network)
        return {"loss": 0.1 + 0.2, "dice": 0.5}

    class Model:
        network = "the network"

    first, other = Machine(True), Machine(False)
    logs, others = {"loss": 1.0}, {"loss": 1.0}
    callback = chief_only(first, [module.Validation(validate)])
    callback.set_model(Model())
    callback.on_epoch_end(0, logs)
    other.sent = first.sent
    callback = chief_only(other, [module.Validation(validate)])
    callback.set_model(Model())
    callback.on_epoch_end(0, others)
    assert validated == ["the network"]
    assert others == logs == {"loss": 1.0, "val_loss": 0.1 + 0.2, "val_dice": 0.5}


def test_on_one_machine_nothing_is_wrapped():
    callbacks = [object(), object()]
    assert SingleDevice().chief_only(callbacks) == callbacks
    assert DistributedStrategy(None).chief_only(callbacks) == callbacks


def test_a_folder_that_another_run_has_taken_over_is_not_written_to(module, tmp_path):
    state = State({}, {}, "")
    callback = module.SaveCheckpoint(tmp_path / "M" / ".training", state, lambda: False)
    with pytest.raises(UserError, match="another imagej-dl"):
        callback.on_epoch_end(0, {})
    assert not (tmp_path / "M").exists()
