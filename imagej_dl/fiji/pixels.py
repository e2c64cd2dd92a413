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
    for index, plane in enumerate(planes.reshape(shape[0], -1)):
        plane[...] = np.frombuffer(memoryview(stack.getPixels(index + 1)), dtype)
    return planes


def _java_arrays(planes: NDArray[Any]) -> Iterator[Any]:
    import jpype
    from scyjava import jimport

    name, view = _JAVA[planes.dtype.name]
    make = jpype.JArray(getattr(jpype, name))
    order = jimport("java.nio.ByteOrder").nativeOrder()
    length = planes.shape[1] * planes.shape[2]
    step = max(1, _BLOCK // (length * planes.itemsize))
    for first in range(0, len(planes), step):
        block = np.ascontiguousarray(planes[first : first + step])
        # JPype writes to no buffer here, but it asks for one that could be written to.
        block = block if block.flags.writeable else block.copy()
        buffer = jpype.nio.convertToDirectBuffer(block.reshape(-1).view(np.uint8)).order(order)
        typed = getattr(buffer, view)() if view else buffer
        for _ in range(len(block)):
            pixels = make(length)
            typed.get(pixels)
            yield pixels
