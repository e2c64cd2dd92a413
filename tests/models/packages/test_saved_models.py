"""SavedModels of strangers: predicted where they compute, refused where they do more."""

from __future__ import annotations

import numpy as np
import pytest
from saved_models import of_tensorflow_1, of_tensorflow_2, packed, saved_package
from small_packages import STEEP, discs, sigmoid, tensors

from imagej_dl import models
from imagej_dl.errors import UserError
from imagej_dl.models.packages import saved_graphs

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def nhwc():
    """Test tensors with the channels last."""
    return {name: one.transpose(0, 2, 3, 1) for name, one in tensors().items()}


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """A SavedModel of TensorFlow 2."""
    return of_tensorflow_2(tmp_path_factory.mktemp("saved") / "second")


@pytest.mark.parametrize("root", ["", "weights/"])
def test_savedmodels_of_tensorflow_2_are_predicted(tmp_path, second, nhwc, root):
    bundle = models.load(saved_package(tmp_path / "discs.zip", packed(second, root), nhwc))
    image = discs(48, seed=1)
    found = bundle.model(bundle.prepare(image)[None])
    np.testing.assert_allclose(
        found[0, ..., 0], sigmoid(STEEP * (image.astype(np.float32) / 255 - 0.5)), atol=1e-5
    )
    assert bundle.config.weights == "tensorflow_saved_model_bundle"


def test_savedmodels_of_tensorflow_1_are_predicted(tmp_path, nhwc):
    folder = of_tensorflow_1(tmp_path / "first")
    models.load(saved_package(tmp_path / "discs.zip", packed(folder), nhwc))


def test_two_savedmodels_keep_their_own_variables(tmp_path, second, nhwc):
    one = models.load(saved_package(tmp_path / "one.zip", packed(second), nhwc))
    image = np.full((1, 8, 8, 1), 0.51, np.float32)
    before = one.model(image)
    other = packed(of_tensorflow_2(tmp_path / "other", middle=0.25))
    tests = nhwc | {"out.npy": sigmoid(STEEP * (nhwc["in.npy"] / 255 - 0.25))}
    two = models.load(saved_package(tmp_path / "two.zip", other, tests))
    np.testing.assert_array_equal(one.model(image), before)
    assert two.model(image).min() > before.max() + 0.2


def _writes(path):
    import tensorflow as tf

    def also(raw):
        with tf.control_dependencies([tf.io.write_file(str(path), "written")]):
            return tf.zeros_like(raw)

    return also


def _python(raw):
    import tensorflow as tf

    return tf.reshape(tf.py_function(lambda one: one * 0, [raw], tf.float32), tf.shape(raw))


def _reads(raw):
    import tensorflow as tf

    return tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32) * 0 * raw


def _loops(raw):
    import tensorflow as tf

    return tf.while_loop(lambda one: True, lambda one: (one,), (raw,))[0]


@pytest.mark.parametrize(
    ("also", "operation"),
    [("writes", "WriteFile"), (_python, "EagerPyFunc"), (_reads, "ReadFile"), (_loops, "While")],
)
def test_what_does_more_than_compute_is_refused(tmp_path, nhwc, also, operation):
    written = tmp_path / "written.txt"
    folder = of_tensorflow_2(tmp_path / "saved", _writes(written) if also == "writes" else also)
    path = saved_package(tmp_path / "discs.zip", packed(folder), nhwc)
    with pytest.raises(UserError, match=rf"operation \w*{operation}, which imagej-dl") as caught:
        models.load(path)
    assert caught.value.path == str(path)
    assert "tf2onnx.convert" in str(caught.value)
    assert not written.exists()


def test_restoring_runs_nothing_else_either(tmp_path, nhwc):
    written = tmp_path / "written.txt"
    folder = of_tensorflow_2(tmp_path / "saved", _writes(written))
    clean = of_tensorflow_2(tmp_path / "clean")
    # The part that predicts is the clean one's; the restoring operation is one that writes.
    graph, other = _graph(clean), _graph(folder)
    evil = next(one for one in other.meta_graphs[0].graph_def.library.function if _holds(one))
    graph.meta_graphs[0].graph_def.library.function.add().CopyFrom(evil)
    node = graph.meta_graphs[0].graph_def.node.add(name="evil", op="StatefulPartitionedCall")
    node.attr["f"].func.name = evil.signature.name
    graph.meta_graphs[0].saver_def.restore_op_name = "evil"
    with pytest.raises(saved_graphs.Refused, match="WriteFile"):
        saved_graphs.saved(graph.SerializeToString(), "raw", "probability")


def _graph(folder):
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def _holds(function):
    return any(node.op == "WriteFile" for node in function.node_def)


@pytest.mark.parametrize("words", ["/etc/passwd", "gs://bucket/model", "..\\model", "C:\\model"])
def test_variables_come_from_the_package_alone(second, words):
    graph = _graph(second)
    for function in graph.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "RestoreV2":
                text = function.node_def.add(name="elsewhere", op="Const")
                text.attr["dtype"].type = 7
                text.attr["value"].tensor.dtype = 7
                text.attr["value"].tensor.string_val.append(words.encode())
                node.input[0] = "elsewhere:output:0"
                break
    with pytest.raises(saved_graphs.Refused, match="reads a file elsewhere"):
        saved_graphs.saved(graph.SerializeToString(), "raw", "probability")


def test_only_what_a_prediction_needs_is_kept(second):
    whole = _graph(second).meta_graphs[0].graph_def
    kept = saved_graphs.saved((second / "saved_model.pb").read_bytes(), "raw", "probability").graph
    operations = {node.op for one in whole.library.function for node in one.node_def}
    assert "SaveV2" in operations
    assert "SaveV2" not in {n.op for one in kept.library.function for n in one.node_def}
    assert all(not node.device for node in kept.node)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data, saved: data[: len(data) // 2], "is not a ZIP archive|damaged"),
        (lambda data, saved: packed(saved, extra={"../out.txt": b""}), "outside of the package"),
        (lambda data, saved: packed(saved / "variables"), r"0 files saved_model\.pb"),
        (lambda data, saved: packed(saved, extra={"b/saved_model.pb": b""}), "2 files"),
    ],
)
def test_damaged_archives_of_weights_are_refused(tmp_path, second, nhwc, change, words):
    path = saved_package(tmp_path / "odd.zip", change(packed(second), second), nhwc)
    with pytest.raises(UserError, match=words) as caught:
        models.load(path)
    assert caught.value.path == str(path)


def test_other_weights_than_declared_are_refused(tmp_path, second, nhwc):
    path = saved_package(tmp_path / "discs", packed(second), nhwc)
    (path / "weights.zip").write_bytes(packed(second, "other/"))
    with pytest.raises(UserError, match=r"SHA-256 of weights\.zip"):
        models.load(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"\xff\xff", "damaged"), (b"", "no part for predictions")],
)
def test_graphs_that_are_none_are_refused(data, words):
    with pytest.raises(saved_graphs.Refused, match=words):
        saved_graphs.saved(data, "raw", "probability")
