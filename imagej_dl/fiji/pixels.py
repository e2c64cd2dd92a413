"""Planes of pixels between NumPy and Java, copied as blocks of memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError

# NumPy's type: Java's array type, and the view of a buffer that fills it.
_JAVA = {
    "uint8": ("JByte", None),
    "uint16": ("JShort", "asShortBuffer"),
    "float32": ("JFloat", "asFloatBuffer"),
    "int32": ("JInt", "asIntBuffer"),
}
_BLOCK = 2**30
_LONGEST = 2**31 - 1


def to_stack(planes: NDArray[Any]) -> Any:
    """Return a new ImageStack that holds a copy of planes (N, Y, X); int32 is RGB.

    Raises
    ------
    UserError : for an empty image, and planes larger than Java's arrays and buffers may be.
    """
    from scyjava import jimport

    if not planes.size:
        raise UserError("has no pixels, so ImageJ cannot show it")
    _, height, width = planes.shape
    if height * width * planes.itemsize > _LONGEST:
        raise UserError(
            f"has planes of {width} × {height} pixels, which are too large for ImageJ",
            remedy="Cut the image into tiles.",
        )
    stack = jimport("ij.ImageStack")(width, height)
    for pixels in _java_arrays(planes):
        stack.addSlice(None, pixels)
    return stack


def from_stack(stack: Any, dtype: Any) -> NDArray[Any]:
    """Return a copy of all planes of an ImageStack, virtual or not, as (N, Y, X) of its type."""
    shape = int(stack.getSize()), int(stack.getHeight()), int(stack.getWidth())
    planes = np.empty(shape, dtype)
    step = _step(planes)
    for first in range(0, len(planes), step):
        buffer = _buffer(planes[first : first + step])
        for index in range(first, min(first + step, len(planes))):
            # Java writes into NumPy's memory, each plane behind the last.
            buffer.put(stack.getPixels(index + 1))
    return planes


def _java_arrays(planes: NDArray[Any]) -> Iterator[Any]:
    import jpype

    make = jpype.JArray(getattr(jpype, _JAVA[planes.dtype.name][0]))
    length, step = planes.shape[1] * planes.shape[2], _step(planes)
    for first in range(0, len(planes), step):
        block = np.ascontiguousarray(planes[first : first + step])
        # Nothing is written here, but JPype asks for memory that could be.
        buffer = _buffer(block if block.flags.writeable else block.copy())
        for _ in range(len(block)):
            pixels = make(length)
            buffer.get(pixels)
            yield pixels


def _step(planes: NDArray[Any]) -> int:
    """Return how many planes go into one buffer, which may not be longer than Java's int."""
    return max(1, _BLOCK // (planes.shape[1] * planes.shape[2] * planes.itemsize))


def _buffer(block: NDArray[Any]) -> Any:
    """Return Java's view of the memory of a contiguous array, which it keeps alive."""
    import jpype
    from scyjava import jimport

    memory = jpype.nio.convertToDirectBuffer(block.reshape(-1).view(np.uint8))
    buffer = memory.order(jimport("java.nio.ByteOrder").nativeOrder())
    view = _JAVA[block.dtype.name][1]
    return getattr(buffer, view)() if view else buffer
