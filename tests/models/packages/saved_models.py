"""SavedModels for tests, of TensorFlow 2 and of TensorFlow 1, in ZIP archives."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from small_packages import STEEP, digest, package

MIDDLE = 0.5


def of_tensorflow_2(folder: Path, also: Any = None, middle: float = MIDDLE) -> Path:
    """Write STEEP · (x - middle), with the two as variables; `also` is called with the input."""
    import tensorflow as tf

    class Threshold(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = tf.Variable(STEEP)
            self.middle = tf.Variable([middle])

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32, name="raw")])
        def __call__(self, raw: Any) -> dict[str, Any]:
            if also is not None:
                raw = raw + also(raw)
            return {"probability": self.gain * (raw - self.middle)}

    module = Threshold()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return folder


def of_tensorflow_1(folder: Path) -> Path:
    """Write the same as a graph of TensorFlow 1, with a variable of its kind."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        raw = v1.placeholder(tf.float32, (None, None, None, 1), name="raw")
        gain = v1.get_variable("gain", initializer=STEEP, use_resource=False)
        middle = v1.get_variable("middle", initializer=[MIDDLE], use_resource=False)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(
            session, str(folder), {"raw": raw}, {"probability": gain * (raw - middle)}
        )
    return folder


def packed(folder: Path, root: str = "", *, extra: dict[str, bytes] | None = None) -> bytes:
    """Return a ZIP archive of a SavedModel, in the folder `root` of it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, root + path.relative_to(folder).as_posix())
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return stream.getvalue()


def of_nhwc(content: dict[str, Any], data: bytes) -> None:
    """Describe SavedModel weights in place of ONNX, and tensors with the channels last."""
    for side in ("inputs", "outputs"):
        axes = content[side][0]["axes"]
        axes.append(axes.pop(1))
    content["weights"] = {
        "tensorflow_saved_model_bundle": {
            "source": "weights.zip",
            "sha256": digest(data),
            "tensorflow_version": "2.16.1",
        }
    }


def saved_package(path: Path, data: bytes, tests: dict[str, np.ndarray], **more: Any) -> Path:
    """Write a package of SavedModel weights with test tensors (1, Y, X, 1)."""
    return package(
        path,
        tests=tests,
        change=lambda content: of_nhwc(content, data),
        files={"weights.zip": data, **more},
    )
