"""Packages for tests, whose networks are ONNX graphs that are known by construction."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper

STEEP = 40.0


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()


def graph(steps: list[Any], shape: list[Any], channels: int = 1) -> bytes:
    """Return an ONNX file of nodes from `x` to `y`, tensors (batch, channel, y, x)."""
    value = helper.make_tensor_value_info
    whole = helper.make_graph(
        steps,
        "network",
        [value("x", TensorProto.FLOAT, shape)],
        [value("y", TensorProto.FLOAT, [shape[0], channels, *shape[2:]])],
    )
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def mean_of(side: int, shape: list[Any] | None = None) -> bytes:
    """Return the mean over a window of `side` px, zeros beyond the tile."""
    kernel = np.full((1, 1, side, side), 1 / side**2, np.float32)
    constant = helper.make_node("Constant", [], ["k"], value=onnx.numpy_helper.from_array(kernel))
    pad = side // 2
    step = helper.make_node("Conv", ["x", "k"], ["y"], pads=[pad] * 4, kernel_shape=[side, side])
    return graph([constant, step], shape or ["batch", 1, "y", "x"])


def threshold(shape: list[Any] | None = None) -> bytes:
    """Return STEEP · (x - 0.5): of values 0 to 1 what a sigmoid makes a probability of."""
    constants = [
        helper.make_node("Constant", [], [n], value=onnx.numpy_helper.from_array(np.float32(v)))
        for n, v in (("middle", 0.5), ("gain", STEEP))
    ]
    steps = [
        *constants,
        helper.make_node("Sub", ["x", "middle"], ["d"]),
        helper.make_node("Mul", ["d", "gain"], ["y"]),
    ]
    return graph(steps, shape or ["batch", 1, "y", "x"])


def discs(side: int = 64, seed: int = 0) -> np.ndarray:
    """Return an image of bright discs on dark ground, uint8 (Y, X), with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    image = rng.integers(5, 15, (side, side))
    for cy in range(12, side - 8, 20):
        for cx in range(12, side - 8, 20):
            image = np.where((y - cy) ** 2 + (x - cx) ** 2 < 36, image + 200, image)
    return image.astype(np.uint8)


SCALED = {"id": "scale_linear", "kwargs": {"gain": 1 / 255}}
SIGMOID = {"id": "sigmoid"}


def description(
    data: bytes,
    tests: dict[str, np.ndarray],
    *,
    size: Any = None,
    halo: int = 0,
    before: Any = (SCALED,),
    after: Any = (SIGMOID,),
    batch: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return an rdf.yaml of a network of one channel."""
    size = {"min": 16, "step": 1} if size is None else size
    space = [{"type": "space", "id": letter, "size": size} for letter in "yx"]
    seen = [
        {
            "type": "space",
            "id": letter,
            "size": {"tensor_id": "raw", "axis_id": letter},
            **({"halo": halo} if halo else {}),
        }
        for letter in "yx"
    ]
    first = [{"type": "batch", **(batch or {})}]
    return {
        "format_version": "0.5.3",
        "type": "model",
        "name": "discs by threshold",
        "inputs": [
            {
                "id": "raw",
                "axes": [*first, {"type": "channel", "channel_names": ["grey"]}, *space],
                "test_tensor": {"source": "in.npy", "sha256": digest(npy(tests["in.npy"]))},
                "preprocessing": list(before),
            }
        ],
        "outputs": [
            {
                "id": "probability",
                "axes": [*first, {"type": "channel", "channel_names": ["object"]}, *seen],
                "test_tensor": {"source": "out.npy", "sha256": digest(npy(tests["out.npy"]))},
                "postprocessing": list(after),
            }
        ],
        "weights": {
            "onnx": {"source": "net.onnx", "sha256": digest(data), "opset_version": 17},
        },
        **more,
    }


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sigmoid(values: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-values))).astype(np.float32)


def tensors(side: int = 64) -> dict[str, np.ndarray]:
    """Return the test tensors of the network :func:`threshold`."""
    image = discs(side)[None, None].astype(np.float32)
    return {"in.npy": image, "out.npy": sigmoid(STEEP * (image / 255 - 0.5))}


def package(
    path: Path,
    *,
    data: bytes | None = None,
    tests: dict[str, np.ndarray] | None = None,
    change: Any = None,
    files: dict[str, bytes] | None = None,
    **described: Any,
) -> Path:
    """Write a package, a ZIP archive or a folder.

    change : called with the content of rdf.yaml, before it is written.
    """
    data = threshold() if data is None else data
    tests = tensors() if tests is None else tests
    content = description(data, tests, **described)
    if change is not None:
        change(content)
    members = {"rdf.yaml": yaml.safe_dump(content).encode(), "net.onnx": data}
    members |= {name: npy(values) for name, values in tests.items()} | (files or {})
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, member in members.items():
                archive.writestr(name, member)
    else:
        path.mkdir()
        for name, member in members.items():
            (path / name).write_bytes(member)
    return path
