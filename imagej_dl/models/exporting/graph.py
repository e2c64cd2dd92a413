"""A Keras network as an ONNX file, with sizes that are free, and the same bytes each time."""

from __future__ import annotations

import contextlib
import io
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl import optional
from imagej_dl.errors import UserError, first_line
from imagej_dl.models import backend
from imagej_dl.models.bundle import largest_difference
from imagej_dl.models.packages.networks import session_of

OPSET = 17
"""DeepImageJ's runtime knows the operators of up to 18."""
INPUT, OUTPUT = "image", "output"
TOLERANCE = 1e-4
"""Largest difference from Keras, of values above 1 as a share of them."""
INSTALL = "Install what an export needs: pip install 'imagej-dl[export]'."


def need() -> None:
    """Raise UserError where a library is missing that an export needs."""
    for name, words in (
        ("yaml", "PyYAML, which writes descriptions of packages,"),
        ("onnx", "ONNX, which writes networks for other programs,"),
        ("onnxruntime", "ONNX Runtime, which checks the exported network,"),
    ):
        optional.need(name, words, INSTALL)
    backend.keras()  # which tf2onnx would import in its own way
    optional.need("tf2onnx", "tf2onnx, which converts networks to ONNX,", INSTALL)


def converted(network: Any, classes: int) -> bytes:
    """Return a network (N, Y, X, C) → (N, Y, X, classes) as an ONNX file.

    Raises
    ------
    UserError : when a part of it has no ONNX operators.
    """
    import tf2onnx

    tf = backend.tensorflow()
    channels = network.input_shape[-1]
    signature = [tf.TensorSpec((None, None, None, channels), tf.float32, name=INPUT)]
    function = tf.function(
        lambda image: tf.identity(network(image, training=False), name=OUTPUT),
        input_signature=signature,
    )
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            model, _ = tf2onnx.convert.from_function(
                function, input_signature=signature, opset=OPSET
            )
    except Exception as error:  # it raises whatever it meets in a graph that it does not know
        raise UserError(
            f"its network cannot be converted to ONNX ({first_line(error)})",
            remedy="A network of plain layers can; see the page BioImage.IO of the documentation.",
        ) from error
    return _canonical(model, classes)


def _canonical(model: Any, classes: int) -> bytes:
    """Return the bytes of an ONNX model whose inner names are numbers in order of use."""
    graph = model.graph
    used = {value for node in graph.node for value in node.input}
    kept = [one for one in graph.initializer if one.name in used]
    names = {"": "", graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    order: dict[str, int] = {}
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        for value in (*node.input, *node.output):
            names.setdefault(value, f"t{len(names)}")
            order.setdefault(value, len(order))
    for node in graph.node:
        node.input[:] = [names[value] for value in node.input]
        node.output[:] = [names[value] for value in node.output]
    kept.sort(key=lambda one: order[one.name])
    for one in kept:
        one.name = names[one.name]
    weights = [type(one).FromString(one.SerializeToString()) for one in kept]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(weights)
    graph.input[0].name, graph.output[0].name = INPUT, OUTPUT
    graph.name, graph.doc_string = "network", ""
    for value, depth in ((graph.input[0], None), (graph.output[0], classes)):
        sides = value.type.tensor_type.shape.dim
        for side, word in zip(sides, ("batch", "y", "x"), strict=False):
            side.dim_param = word
        if depth is not None:
            sides[3].dim_value = depth
    domains = {node.domain for node in graph.node}
    opsets = [one for one in model.opset_import if one.domain in domains]
    copies = [type(one).FromString(one.SerializeToString()) for one in opsets]
    del model.opset_import[:]
    model.opset_import.extend(copies)
    model.producer_name, model.producer_version = "imagej-dl", ""
    return model.SerializeToString(deterministic=True)


def difference(session: Any, network: Any, images: NDArray[np.float32]) -> float:
    """Return by how much an ONNX session differs from the network at most for (N, Y, X, C)."""
    found = session.run([OUTPUT], {INPUT: images})[0]
    return largest_difference(np.asarray(found), np.asarray(network(images, training=False)))


def check(data: bytes, network: Any, image: NDArray[np.float32], step: int) -> float:
    """Compare an ONNX file with its network on an image, and on two larger ones at once.

    Parameters
    ----------
    image : (1, Y, X, C), as the network sees it.
    step : by how much its sides may grow.

    Raises
    ------
    UserError : when they differ by more than `TOLERANCE`.
    """
    import onnxruntime

    larger = np.pad(image, ((0, 0), (0, step), (0, 2 * step), (0, 0)), "symmetric")
    both = np.concatenate([larger, larger[:, ::-1, ::-1]])
    session = session_of(data, onnxruntime)
    found = max(difference(session, network, one) for one in (image, both))
    if not found <= TOLERANCE:
        raise UserError(f"its network in ONNX gives other values than in Keras (by {found:.3g})")
    return found
