"""OpenVINO in place of TensorFlow: the same numbers, or TensorFlow after all."""

from __future__ import annotations

import gc
import importlib
import warnings
from weakref import ref

import numpy as np
import pytest
import small_models as models

from imagej_dl import images, preferences
from imagej_dl.errors import DataWarning
from imagej_dl.prediction import openvino_backend, openvino_graph, predict
from imagej_dl.prediction.network import half, network

pytestmark = pytest.mark.tf
RNG = np.random.default_rng(0)


@pytest.fixture
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    return preferences.change


def needs_openvino():
    """Skip where it is not; not by an import, which without our care sends word of itself."""
    if not openvino_backend.installed():
        pytest.skip("needs OpenVINO")


def test_when_it_is_wanted(settings, monkeypatch):
    monkeypatch.setattr(openvino_backend, "installed", lambda: True)
    assert openvino_backend.wanted()
    settings(engine="tensorflow")
    assert not openvino_backend.wanted()
    settings(engine="openvino")
    assert openvino_backend.wanted()
    monkeypatch.setattr(openvino_backend, "installed", lambda: False)
    assert not openvino_backend.wanted()


def test_what_must_be_converted_is_so_for_many_pixels_only(settings, monkeypatch):
    def unknown(model):
        raise openvino_graph.UnknownLayer

    def worth(pixels):
        network(models.threshold(), pixels)
        return used.pop() if used else None

    used = []
    monkeypatch.setattr(openvino_backend, "installed", lambda: True)
    monkeypatch.setattr(openvino_backend, "_compiled", lambda graph, half: used.append("graph"))
    monkeypatch.setattr(openvino_backend, "_refused", lambda words: None)
    monkeypatch.setattr(openvino_graph, "graph", lambda model: "graph")
    assert worth(0) == "graph"
    monkeypatch.setattr(openvino_graph, "graph", unknown)
    assert worth(openvino_backend.WORTH_CONVERTING - 1) is None
    if openvino_backend.installed():
        assert worth(openvino_backend.WORTH_CONVERTING) == "graph"
        settings(engine="openvino")
        assert worth(0) == "graph"


def test_tensorflow_previews_a_model_in_training(settings):
    needs_openvino()
    bundle = models.unet()
    window = RNG.random((1, 64, 64, 1), np.float32)
    network(bundle)(window)
    first = openvino_backend._kept[bundle.model]
    assert first.run is not None
    bundle.model.set_weights([weight * 0.9 for weight in bundle.model.get_weights()])
    expected = bundle.network_output(window[0])
    np.testing.assert_allclose(network(bundle)(window)[0], expected, atol=1e-5)
    assert openvino_backend._kept[bundle.model] is first
    found = network(bundle, openvino_backend.WORTH_AGAIN)(window)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert openvino_backend._kept[bundle.model] is not first


def test_tensorflow_computes_large_windows_in_parts(settings, monkeypatch):
    settings(engine="tensorflow")
    bundle = models.unet()
    side = 4 * bundle.config.halo
    height = (side // 8 + 5) * 8
    windows = RNG.random((2, height, 64, 1), np.float32)
    expected = np.stack([bundle.network_output(window) for window in windows])
    seen = []

    def computed(*given):
        seen.append(given[0].shape)
        return function(*given)

    of = importlib.import_module("imagej_dl.prediction.network")
    network(bundle)(windows[:, :64, :64])  # compiles
    function = of._compiled[bundle.model]
    monkeypatch.setitem(of._compiled, bundle.model, computed)
    monkeypatch.setattr(of, "_SIDE", side)
    found = network(bundle)(windows)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(seen) > 2
    assert max(shape[1] for shape in seen) <= side
    # Where nearly all of a part would be halo, the whole is computed.
    seen.clear()
    monkeypatch.setattr(of, "_SIDE", side - 1)
    network(bundle)(windows)
    assert seen == [windows.shape]


def test_the_same_probabilities_and_labels_and_those_of_new_weights(settings):
    needs_openvino()
    bundle = models.unet()
    image = images.make(RNG.integers(0, 255, (2, 150, 131), np.uint8), "TYX")
    given = {"tile": 120, "batch": 2, "probabilities": True}
    settings(engine="tensorflow")
    expected = predict(bundle, image, **given)
    settings(engine="openvino")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        found = predict(bundle, image, **given)
    assert openvino_backend._kept[bundle.model].run is not None
    sender = importlib.import_module("openvino.tools.ovc.telemetry_utils").tm
    assert sender.__name__.endswith("telemetry_stub")  # nothing is sent to anybody
    assert np.ptp(expected.probabilities.values) > 0.05
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    np.testing.assert_array_equal(found.labels, expected.labels)
    # A model that is trained further is converted again.
    weights = bundle.model.get_weights()
    weights[-1] = weights[-1] + np.array([1.0, 0, 0], np.float32)
    bundle.model.set_weights(weights)
    window = RNG.random((1, 64, 64, 1), np.float32)
    expected = bundle.network_output(window[0])
    np.testing.assert_allclose(network(bundle)(window)[0], expected, atol=1e-5)
    gone = ref(bundle.model)
    del bundle
    gc.collect()
    assert gone() is None


def test_bfloat16_finds_the_same_objects_by_other_probabilities(settings, monkeypatch):
    needs_openvino()
    if not openvino_backend.has_bfloat16():
        pytest.skip("needs a processor with bfloat16")
    bundle = models.unet()
    image = images.make(RNG.integers(0, 255, (150, 131), np.uint8))
    exact = predict(bundle, image, probabilities=True).probabilities.values
    settings(precision="bfloat16")
    coarse = predict(bundle, image, probabilities=True).probabilities.values
    assert openvino_backend._kept[bundle.model].half
    assert 1e-5 < np.abs(coarse - exact).max() < 0.02
    settings(precision="float32")
    again = predict(bundle, image, probabilities=True).probabilities.values
    np.testing.assert_array_equal(again, exact)


def _sender_after_the_question():
    openvino_backend.has_bfloat16()
    return importlib.import_module("openvino.tools.ovc.telemetry_utils").tm.__name__


@pytest.mark.thorough
def test_nothing_is_sent_when_it_is_asked_for_bfloat16_first(own_process):
    needs_openvino()
    assert own_process(_sender_after_the_question).endswith("telemetry_stub")


@pytest.mark.parametrize("missing", ["processor", "OpenVINO", "precision"])
def test_bfloat16_only_where_it_is_asked_for_and_can_be(settings, monkeypatch, missing):
    monkeypatch.setattr(openvino_backend, "wanted", lambda: missing != "OpenVINO")
    monkeypatch.setattr(openvino_backend, "has_bfloat16", lambda: missing != "processor")
    settings(precision="float32" if missing == "precision" else "bfloat16")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert not openvino_backend.half_wanted()
    assert [missing in str(one.message) for one in told] == [True] * (missing != "precision")


def test_intensities_are_never_computed_in_bfloat16(settings, monkeypatch):
    monkeypatch.setattr(openvino_backend, "half_wanted", lambda: True)
    segmenting = models.threshold().config
    assert half(segmenting)
    assert not half(segmenting.model_copy(update={"kind": "n2v2"}))


def test_frames_that_are_looked_at_once(settings):
    needs_openvino()
    from imagej_dl.models.networks.registry import network as made

    given = {"width": 2, "depth": 1, "classes": 2, "frames": 2, "dilation_rate": 1}
    model = made("mobilenet_mobileunet_lstm", given).build()
    bundle = models.bundle_of(
        model, "foreground", halo=8, multiple_of=2, frames=2, axes="TYX", channels=1
    )
    settings(engine="openvino")
    windows = RNG.random((3, 16, 18, 2), np.float32)
    windows[1, ..., 0] = windows[0, ..., 1]
    found = network(bundle)(windows)
    assert openvino_backend._kept[model].run is not None
    expected = model(np.moveaxis(windows, -1, 1)[..., None], training=False)
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)


@pytest.mark.parametrize("what", ["differs", "raises"])
def test_tensorflow_does_what_it_cannot(settings, monkeypatch, what):
    bundle = models.threshold()

    def compiled(graph, half):
        if what == "raises":
            raise RuntimeError("no such layer\nand more")
        return lambda given: bundle.model(given).numpy() + np.float32(2e-4)

    monkeypatch.setattr(openvino_graph, "graph", lambda model: None)
    monkeypatch.setattr(openvino_backend, "installed", lambda: True)
    monkeypatch.setattr(openvino_backend, "_compiled", compiled)
    settings(engine="openvino")
    words = r"differ from TensorFlow's by 0.0002" if what == "differs" else r"\(no such layer\)"
    with pytest.warns(DataWarning, match=words):
        run = network(bundle)
    window = RNG.random((1, 16, 16, 1), np.float32)
    np.testing.assert_allclose(run(window)[0], bundle.network_output(window[0]), atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)  # it is said once
        network(bundle)


@pytest.mark.parametrize(("size", "used"), [(0.5, False), (20.0, True)])
def test_values_above_one_are_compared_by_their_size(monkeypatch, size, used):
    import tensorflow as tf

    @tf.function
    def function(given):
        return tf.fill((1, 4), np.float32(size))

    monkeypatch.setattr(openvino_backend, "_graph", lambda model, function, convert: function)
    monkeypatch.setattr(
        openvino_backend,
        "_compiled",
        lambda f, half: lambda *given: f(*given).numpy() + np.float32(1e-3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        run = openvino_backend._tried(None, function, (np.zeros(1),), True, False)
    assert (run is not None) == used
