"""The pre-processing of a package, as prediction uses normalisations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.intensities.levels import Levels
from imagej_dl.images.intensities.training_intensities import Far, Seen
from imagej_dl.images.normalisation import Normalisation
from imagej_dl.models.packages.description import Processing, Tensor
from imagej_dl.models.packages.operations import applied


@dataclass(frozen=True)
class PackageLevels(Levels):
    """Output stays as the package gives it; `references` are what its operations refer to."""

    references: dict[str, NDArray] = field(default_factory=dict)


class PackageNormalisation(Normalisation):
    """Operations of the specification, on whole planes.

    operations : on the input, in their order.
    kept : id of the input if operations on the output refer to it, else "".
    """

    method: Literal["percentile", "range", "median", "mean", "equalise"] = "range"
    operations: tuple[Processing, ...] = ()
    kept: str = ""

    @classmethod
    def of(cls, source: Tensor, *, keep: bool) -> PackageNormalisation:
        """Return the pre-processing of an input; `keep` it for operations on the output."""
        kept = source.id if keep else ""
        return cls.model_validate({"operations": source.preprocessing, "kept": kept})

    @property
    def whole_plane(self) -> bool:
        """True: percentiles and means are those of the plane."""
        return True

    @property
    def irreversible(self) -> str:
        """Nothing: output is not brought back to the input's intensities."""
        return ""

    def with_levels(
        self,
        plane: NDArray,
        levels: Levels | None = None,
        seen: Seen | None = None,
        far: list[Far] | None = None,
        *,
        limits: bool = True,
    ) -> tuple[NDArray[np.float32], Levels]:
        """Apply the operations to a plane (Y, X) or (Y, X, C)."""
        raw = plane[..., None] if plane.ndim == 2 else plane
        ready = applied([one.operation for one in self.operations], raw).astype(np.float32)
        unchanged = Levels.between(0.0, 1.0, raw.shape[-1])
        references = {self.kept: raw} if self.kept else {}
        return ready, PackageLevels(unchanged.values, unchanged.become, None, references)
