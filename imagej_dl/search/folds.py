"""The folds of a cross-validation: parts of the data that validate in turn."""

from __future__ import annotations

import numpy as np

from imagej_dl.errors import UserError, warn
from imagej_dl.training.patches import Example
from imagej_dl.training.split import Split, split


def folds(
    sources: list[list[Example]], count: int, *, validation: float, test: float, seed: int
) -> list[Split]:
    """Divide examples into folds, each of which validates once; every example is in one of them.

    The images that a training with the same shares and seed keeps for its test are in none, so
    that its test stays honest. Images of one file stay together; where there are fewer than three
    files, planes are divided into contiguous blocks.

    Parameters
    ----------
    sources : the planes of each image file.
    count : of folds; fewer where there are fewer files (or planes).
    validation, test, seed : as :func:`imagej_dl.training.split.split` has them.

    Raises
    ------
    UserError : when there is nothing to divide.

    Warns
    -----
    DataWarning : for fewer folds, and for folds without an object, which are left out.
    """
    if count < 2:
        raise UserError("cross-validation needs two folds or more", remedy="Choose --folds 5.")
    whole = split(sources, validation, test, seed)
    kept = {id(example) for example in whole.test}
    if whole.by == "files":
        groups = [planes for planes in sources if planes and id(planes[0]) not in kept]
        order = np.random.default_rng(seed).permutation(len(groups))
        groups = [groups[i] for i in order]
    elif whole.by in ("planes", "movies") and len(whole.train) + len(whole.validation) >= count:
        groups = [[e] for planes in sources for e in planes if id(e) not in kept]
    else:
        warn(
            "there are too few images for cross-validation: each fold validates on one part and "
            "trains on the rest"
        )
        return [whole]
    if len(groups) < count:
        warn(f"there are {len(groups)} images for {count} folds: {len(groups)} folds are used")
    parts = np.array_split(np.arange(len(groups)), min(count, len(groups)))
    made = []
    for part in parts:
        inside = set(part.tolist())
        validating = [e for i, group in enumerate(groups) for e in group if i in inside]
        training = [e for i, group in enumerate(groups) for e in group if i not in inside]
        made.append(Split(training, validating, [], "folds", seed))
    usable = [s for s in made if any(e.labels.any() for e in s.validation)]
    if not usable:
        raise UserError(
            "no image that can be used for validation holds an object", remedy="Label more images."
        )
    if len(usable) < len(made):
        warn(f"{len(made) - len(usable)} of {len(made)} folds hold no object and are left out")
    return usable
