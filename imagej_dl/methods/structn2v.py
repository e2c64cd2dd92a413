"""structN2V: Noise2Void for noise that neighbouring pixels share (Broaddus et al. 2020)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from imagej_dl.methods.base import Symmetries
from imagej_dl.methods.shared.blind_spots import BlindSpotMethod
from imagej_dl.methods.shared.denoising_defaults import DEFAULTS


class StructN2V(BlindSpotMethod):
    """Noise2Void that hides a whole kernel around each scored pixel."""

    name: ClassVar[str] = "structn2v"
    summary: ClassVar[str] = (
        "as n2v2 for noise in stripes: the pixels in line with a scored one are hidden, too"
    )
    position: ClassVar[int] = 220
    defaults: ClassVar[dict[str, Any]] = DEFAULTS

    share: float = Field(
        default=0.01,
        ge=0.001,
        le=0.12,
        description="Share of the pixels of a patch that are scored; around each of them others "
        "are hidden.",
    )
    direction: Literal["horizontal", "vertical"] = Field(
        default="horizontal", description="Direction of the line of pixels that is hidden."
    )
    length: int = Field(
        default=9,
        ge=1,
        le=51,
        description="Length of that line in px, the scored pixel in its middle: an odd number.",
    )
    kernel: tuple[tuple[Literal[0, 1], ...], ...] | None = Field(
        default=None,
        description="Instead of a line, rows of 0 and 1 with odd sides: the pixels around a scored "
        "one that are hidden. The pixel in the middle always is.",
    )

    @field_validator("length")
    @classmethod
    def _odd_length(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"{value} is even, but the scored pixel lies in the middle")
        return value

    @field_validator("kernel")
    @classmethod
    def _odd_sides(cls, value: tuple[tuple[int, ...], ...] | None) -> Any:
        if value is None:
            return value
        widths = {len(row) for row in value}
        if len(widths) != 1:
            raise ValueError("its rows have different lengths")
        height, width = len(value), widths.pop()
        if height % 2 == 0 or width % 2 == 0 or max(height, width) > 51:
            raise ValueError(
                f"has {height} rows of {width}; both must be odd, since the scored pixel lies in "
                "the middle, and at most 51"
            )
        return value

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method."""
        return {**super().network, "pooling": "blur", "residual": False, "top_skip": False}

    @property
    def hidden(self) -> NDArray[np.bool_]:
        """Pixels around a scored one that are hidden; its middle is that pixel."""
        if self.kernel is None:
            across = self.direction == "horizontal"
            return np.ones((1, self.length) if across else (self.length, 1), bool)
        kernel = np.array(self.kernel, bool)
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = True
        return kernel

    @property
    def symmetries(self) -> Symmetries:
        """Turns of patches in which stripes keep the direction of the kernel."""
        kernel = self.hidden
        if not (np.array_equal(kernel, kernel[::-1]) and np.array_equal(kernel, kernel[:, ::-1])):
            return "none"
        return "all" if np.array_equal(kernel, kernel.T) else "flips"
