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
    kernel_3d: tuple[tuple[tuple[Literal[0, 1], ...], ...], ...] | None = Field(
        default=None,
        description="The same for volumes (patch_slices): slices of rows of 0 and 1 with odd "
        "sides. Without it, the line or kernel is hidden in the slice of the scored pixel alone.",
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

    @field_validator("kernel_3d")
    @classmethod
    def _odd_volume(cls, value: tuple[tuple[tuple[int, ...], ...], ...] | None) -> Any:
        if value is None:
            return value
        sizes = {(len(rows), len(row)) for rows in value for row in rows}
        if len(sizes) != 1:
            raise ValueError("its slices or rows have different lengths")
        shape = (len(value), *sizes.pop())
        if any(side % 2 == 0 for side in shape) or max(shape) > 51:
            raise ValueError(
                f"has {shape[0]} slices of {shape[1]} rows of {shape[2]}; all must be odd, since "
                "the scored pixel lies in the middle, and at most 51"
            )
        return value

    def check_slices(self, slices: int | None) -> None:
        """Raise ValueError for a kernel of volumes where patches are planes."""
        super().check_slices(slices)
        if self.kernel_3d is not None and (slices or 1) < len(self.kernel_3d):
            raise ValueError(
                f"method_settings: kernel_3d has {len(self.kernel_3d)} slices, the patches have "
                f"{slices or 1}: give patch_slices"
            )

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method."""
        return {**super().network, "pooling": "blur", "residual": False, "top_skip": False}

    @property
    def hidden(self) -> NDArray[np.bool_]:
        """Pixels around a scored one that are hidden; its middle is that pixel."""
        rows = self.kernel if self.kernel_3d is None else self.kernel_3d
        if rows is None:
            across = self.direction == "horizontal"
            return np.ones((1, self.length) if across else (self.length, 1), bool)
        kernel = np.array(rows, bool)
        kernel[tuple(side // 2 for side in kernel.shape)] = True
        return kernel

    @property
    def symmetries(self) -> Symmetries:
        """Turns of patches in which stripes keep the direction of the kernel."""
        kernel = self.hidden
        if any(not np.array_equal(kernel, np.flip(kernel, axis)) for axis in (-1, -2)):
            return "none"
        return "all" if np.array_equal(kernel, np.swapaxes(kernel, -1, -2)) else "flips"

    @property
    def flips_slices(self) -> bool:
        """True if the kernel is the same from below."""
        kernel = self.hidden
        return kernel.ndim == 2 or np.array_equal(kernel, kernel[::-1])
