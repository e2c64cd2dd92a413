"""Which examples are trained on, which validate, which are kept for the test."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.training.dataset import Example

_FEWEST_FILES = 3
_FEWEST_PLANES = 5


@dataclass(frozen=True)
class Split:
    """The three parts, and `by`: whether "files", "planes" or "regions" were divided."""

    train: list[Example]
    validation: list[Example]
    test: list[Example]
    by: str
    seed: int

    def record(self) -> dict[str, Any]:
        """Say it as split.json does."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        names = {part: [example.name for example in found] for part, found in parts.items()}
        return {"seed": self.seed, "by": self.by, **names}


def split(
    sources: list[list[Example]], validation: float = 0.2, test: float = 0.1, seed: int = 0
) -> Split:
    """Divide examples so that no two parts hold almost the same pixels.

    Parameters
    ----------
    sources : the planes of each image file, in order.
    validation, test : shares of the whole, between 0 and 1.
    seed : of the shuffling.

    Returns
    -------
    Three files or more are divided by files, shuffled. Fewer, but with five planes or more
    (videos, stacks), by contiguous blocks of planes, since neighbours look alike: the first for
    training, the last for validation and test. Fewer planes still are cut into regions.

    Raises
    ------
    UserError : when there is nothing to divide.
    """
    sources = [planes for planes in sources if planes]
    planes = [example for source in sources for example in source]
    if not planes:
        raise UserError("there is no labelled image to train on")
    if len(sources) >= _FEWEST_FILES:
        order = np.random.default_rng(seed).permutation(len(sources))
        parts = _shares([sources[i] for i in order], validation, test)
        flat = [[example for source in part for example in source] for part in parts]
        return Split(flat[0], flat[1], flat[2], "files", seed)
    if len(planes) >= _FEWEST_PLANES:
        parts = _shares(planes, validation, test)
        return Split(*parts, "planes", seed)
    warnings.warn(
        f"only {len(planes)} image plane(s): validation is on a part of each image, and none is "
        "kept for a test. More images make a better model and an honest validation",
        DataWarning,
        stacklevel=2,
    )
    cut = [_regions(example, validation) for example in planes]
    return Split([a for a, _ in cut], [b for _, b in cut], [], "regions", seed)


def _shares(items: list, validation: float, test: float) -> tuple[list, list, list]:
    count = len(items)
    validating = max(1, round(count * validation))
    testing = max(1, round(count * test)) if test and count >= _FEWEST_PLANES else 0
    training = count - validating - testing
    if training < 1:
        raise UserError(
            f"{count} images cannot be divided into validation {validation:g} and test {test:g}",
            remedy="Choose smaller shares, or label more images.",
        )
    return items[:training], items[training : training + validating], items[training + validating :]


def _regions(example: Example, share: float) -> tuple[Example, Example]:
    axis = int(np.argmax(example.labels.shape))
    length = example.labels.shape[axis]
    at = min(max(1, round(length * (1 - share))), length - 1)
    if length < 2:
        raise UserError("is too small to train on", path=example.name)

    def part(where: slice) -> Example:
        index = (where, slice(None)) if axis == 0 else (slice(None), where)
        label = f"{example.name} {'YX'[axis]}={where.start}-{where.stop - 1}"
        return replace(
            example, name=label, image=example.image[index], labels=example.labels[index]
        )

    return part(slice(0, at)), part(slice(at, length))
