"""Weights as the suite's Keras 2 lays them out: nested, the decoder's layers numbered."""

import h5py
import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.models.networks.registry import network
from imagej_dl.models.pretrained import load_weights

pytestmark = pytest.mark.tf

SMALL = {"width": 2, "depth": 2, "classes": 2, "dilation_rate": 1}


def suite_file(path, model, video, first=3):
    """Write what the suite would of this network, in its own groups and in another order.

    The numbers of its layers begin anywhere: a process counts all that it makes.
    """
    features = model.get_layer("each_frame").layer if video else model
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"time_distributed" if video else b"model"]
        counts = {"SeparableConv2D": first, "BatchNormalization": first}
        names = {"SeparableConv2D": "separable_conv2d", "BatchNormalization": "batch_normalization"}
        outer = "time_distributed" if video else "model"
        for layer in features.layers:
            kind = type(layer).__name__
            name = layer.name
            if name.startswith(("up", "last")) and kind in names:
                number = counts[kind]
                counts[kind] += 1
                name = names[kind] + (f"_{number}" if number else "")
            if name == "probabilities":
                name = "slog"
            for variable in layer.weights:
                weight = variable.name
                if kind == "DepthwiseConv2D":
                    weight = "depthwise_kernel"
                file[f"{outer}/{name}/{weight}:0"] = np.asarray(variable)
        if video:
            for variable in model.get_layer("over_time").weights:
                file[f"conv_lst_m2d/conv_lst_m2d/{variable.name}:0"] = np.asarray(variable)
            for variable in model.get_layer("probabilities").weights:
                place = "time_distributed_1/time_distributed_1"
                file[f"{place}/{variable.name}:0"] = np.asarray(variable)


@pytest.mark.parametrize("video", [False, True])
@pytest.mark.parametrize("first", [0, 8])
def test_each_weight_finds_its_place(tmp_path, video, first):
    name = "mobilenet_mobileunet" + ("_lstm" if video else "")
    given = SMALL | ({"frames": 2} if video else {})
    one, other = (network(name, given).build() for _ in range(2))
    rng = np.random.default_rng(0)
    one.set_weights([rng.random(w.shape) for w in one.get_weights()])
    path = tmp_path / "mobilenet_01950.hdf5"
    suite_file(path, one, video, first)
    load_weights(other, path)
    for wanted, found in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_weights_of_another_width_or_depth_are_refused(tmp_path):
    path = tmp_path / "w.hdf5"
    suite_file(path, network("mobilenet_mobileunet", SMALL).build(), False)
    for more in ({"width": 3}, {"depth": 3}):
        with pytest.raises(UserError, match="cannot be loaded into this network"):
            load_weights(network("mobilenet_mobileunet", SMALL | more).build(), path)
