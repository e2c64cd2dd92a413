"""The networks of packages: ONNX weights by ONNX Runtime, Keras weights in safe mode."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl import optional
from imagej_dl.errors import UserError, first_line
from imagej_dl.filesystem import temporaries
from imagej_dl.models import trust
from imagej_dl.models.foreign import ForeignNetwork
from imagej_dl.models.packages import onnx_files
from imagej_dl.models.packages.description import INSTALL, Tensor
from imagej_dl.models.packages.operations import Operation, applied

_RUNTIME = "ONNX Runtime, which computes the networks of packages,"


class PackageNetwork(ForeignNetwork):
    """A network between tensors with axes of their own.

    Parameters
    ----------
    source, target : the input and the output tensor.
    after : operations on the output that look at each pixel alone.
    path : of the package.
    """

    def __init__(
        self, source: Tensor, target: Tensor, after: Sequence[Operation], path: Path
    ) -> None:
        self.source, self.target = source, target
        self.after, self.path = after, path
        batch = source.axis("b")
        self.single = batch is None or batch.size == 1

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output tensor for windows, after its operations on single pixels."""
        if self.single:
            each = [self._compute(windows[i : i + 1]) for i in range(len(windows))]
            found = np.concatenate(each)
        else:
            found = self._compute(windows)
        if found.shape[:3] != windows.shape[:3] or found.shape[3] != self.target.channels:
            raise UserError(
                f"its network gives {' × '.join(map(str, found.shape))} for windows of "
                f"{' × '.join(map(str, windows.shape))}, which is not as declared",
                path=self.path,
            )
        # The operations are those of a plane (Y, X, C): windows side by side are one.
        flat = found.reshape(-1, *found.shape[2:])
        return applied(self.after, flat).astype(np.float32).reshape(found.shape)

    def _compute(self, windows: NDArray[np.float32]) -> NDArray[Any]:
        try:
            found = self.compute(arranged(windows, self.source))
        except MemoryError as error:
            half = len(windows) // 2
            if not half:
                raise self._too_large(windows) from error
            parts = (windows[:half], windows[half:])
            return np.concatenate([self._compute(part) for part in parts])
        return disarranged(found, self.target, self.path)

    def compute(self, tensor: NDArray[np.float32]) -> NDArray[Any]:
        """Return the output tensor of an input tensor, with the axes that are declared."""
        raise NotImplementedError

    def _too_large(self, windows: NDArray) -> UserError:
        height, width = windows.shape[1:3]
        return UserError(
            f"there is not enough memory for a tile of {width}×{height} px",
            path=self.path,
            remedy="Use smaller tiles with --tile.",
        )


class OnnxNetwork(PackageNetwork):
    """ONNX weights, computed by ONNX Runtime on the CPU."""

    def __init__(self, data: bytes, *described: Any) -> None:
        super().__init__(*described)
        onnx_files.check(data, self.path)
        runtime = optional.need("onnxruntime", _RUNTIME, INSTALL)
        try:
            self.session = session_of(data, runtime)
        except Exception as error:  # it has an exception of its own for each of its status codes
            raise UserError(
                f"its ONNX weights cannot be loaded ({first_line(error)})",
                path=self.path,
                remedy="Update ONNX Runtime: pip install --upgrade onnxruntime.",
            ) from error
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or not outputs:
            raise UserError(
                f"its ONNX weights have {len(inputs)} inputs and {len(outputs)} outputs, which is "
                "not as declared",
                path=self.path,
            )
        self.input, self.output = inputs[0].name, outputs[0].name
        self.dtype = _DTYPES.get(inputs[0].type, np.float32)

    def compute(self, tensor: NDArray[np.float32]) -> NDArray[Any]:
        """Run the session."""
        try:
            given = {self.input: tensor.astype(self.dtype, copy=False)}
            found = self.session.run([self.output], given)[0]
        except Exception as error:
            words = first_line(error)
            if "allocate" in words or "bad_alloc" in words:
                raise MemoryError(words) from error
            raise UserError(
                f"its network cannot be computed ({words[:300]})",
                path=self.path,
                remedy="Its ONNX weights do not fit its description: ask its authors.",
            ) from error
        return np.asarray(found)


def session_of(data: bytes, runtime: Any) -> Any:
    """Return the session of an ONNX file on the CPU; `runtime` is the module onnxruntime."""
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
}


class KerasNetwork(PackageNetwork):
    """Keras weights (format 3), opened in safe mode if made of layers that are known."""

    def __init__(self, data: bytes, *described: Any) -> None:
        super().__init__(*described)
        from imagej_dl.models import backend

        with tempfile.TemporaryDirectory(prefix=temporaries.prefix("package")) as folder:
            file = Path(folder) / "weights.keras"
            file.write_bytes(data)
            try:
                trust.check_parts(file)
            except UserError as error:
                raise error.at(self.path) from error
            try:
                self.model = backend.keras().models.load_model(file, compile=False, safe_mode=True)
            except Exception as error:  # Keras raises whatever its parts raise
                raise UserError(
                    f"its Keras weights cannot be loaded ({first_line(error)})", path=self.path
                ) from error

    def compute(self, tensor: NDArray[np.float32]) -> NDArray[Any]:
        """Call the model."""
        from imagej_dl.models import backend

        tf = backend.tensorflow()
        try:
            found = self.model(tensor, training=False)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError from error
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise UserError(
                f"its network cannot be computed ({first_line(error)})", path=self.path
            ) from error
        return np.asarray(found[0] if isinstance(found, list | tuple) else found)


def arranged(windows: NDArray, tensor: Tensor) -> NDArray:
    """Return windows (N, Y, X, C) with the axes of a tensor."""
    order = [axis.letter for axis in tensor.axes]
    found = windows
    if "b" not in order:
        found = found[0]
    if "c" not in order:
        found = found[..., 0]
    have = [letter for letter in "byxc" if letter in order]
    places = [have.index(letter) for letter in order if letter in have]
    found = found.transpose(places)
    for number, letter in enumerate(order):
        if letter not in have:  # an axis of size 1, as the description was checked for
            found = np.expand_dims(found, number)
    return np.ascontiguousarray(found)


def disarranged(found: NDArray, tensor: Tensor, path: Path) -> NDArray:
    """Return a tensor with axes of its own as (N, Y, X, C)."""
    order = [axis.letter for axis in tensor.axes]
    if found.ndim != len(order):
        raise UserError(
            f"its network gives a tensor of {found.ndim} axes, where {len(order)} are declared",
            path=path,
        )
    others = tuple(n for n, letter in enumerate(order) if letter not in "byxc")
    if any(found.shape[n] != 1 for n in others):
        raise UserError("its network gives more axes than a plane has", path=path)
    kept = [letter for letter in order if letter in "byxc"]
    found = found.reshape([size for n, size in enumerate(found.shape) if n not in others])
    for letter in "byxc":
        if letter not in kept:
            found, kept = found[..., None], [*kept, letter]
    return found.transpose([kept.index(letter) for letter in "byxc"])
