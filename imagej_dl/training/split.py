"""Split examples into training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.images.labels.bounding_boxes import boxes as bounding_boxes
from imagej_dl.training import held_out
from imagej_dl.training.patches import Example

_FEWEST_FILES = 3
_FEWEST_IMAGES = 10
"""Files from which on some are held out whole, though none has labels."""
_FEWEST_PLANES = 5
_PARTS = ("train", "validation", "test")
SPLIT = "split.json"
"""The file of a model folder that names the images of each part."""

Source = list[Example]
Parts = tuple[list[Source], list[Source], list[Source]]


@dataclass(frozen=True)
class Split:
    """The three parts.

    Attributes
    ----------
    train, validation, test : the examples.
    by : the units that were divided: "files", "movies", "planes", "regions"; "folders" where the
        division was given, "nothing" when the training images validate too.
    seed : of the shuffling.
    known : the digests of each part of the model that the training starts from.
    shared : what validates is of files that are trained on, in words; None where it is not.
    """

    train: list[Example]
    validation: list[Example]
    test: list[Example]
    by: str
    seed: int
    known: dict[str, list[str]] | None = None
    shared: str | None = None

    def held_out(self) -> str:
        """Return in words what validates."""
        count = len(self.validation)
        if self.by == "nothing":
            return "on the training images"
        unit = "volume" if any(example.is_volume for example in self.validation) else "plane"
        if self.by == "regions":
            parts = ", ".join(example.name for example in self.validation[:2])
            return f"on the end of each {unit}: {parts}{', …' if count > 2 else ''}"
        total = count + len(self.train) + len(self.test)
        return f"on {count} of {total} {unit}s"

    def record(self) -> dict[str, Any]:
        """Return the content of split.json.

        Its `digests` identify the pixels of each part, including those of the models before, so
        that a training that starts from this model recognises them.
        """
        parts = dict(zip(_PARTS, (self.train, self.validation, self.test), strict=True))
        names = {part: [example.name for example in found] for part, found in parts.items()}
        digests = {
            part: sorted({*(self.known or {}).get(part, ()), *(e.digest for e in found)} - {""})
            for part, found in parts.items()
        }
        return {"seed": self.seed, "by": self.by, **names, "digests": digests}


def digests_in(folder: Path) -> dict[str, list[str]]:
    """Read the digests of the images that a model knows; {} of a model that has none."""
    try:
        found = load_json(folder / SPLIT)["digests"]
        return {str(part): [str(name) for name in names] for part, names in found.items()}
    except (UserError, KeyError, TypeError, AttributeError):
        return {}


def split(
    sources: list[Source],
    validation: float = 0.2,
    test: float = 0.1,
    seed: int = 0,
    known: dict[str, list[str]] | None = None,
    side: int | None = None,
    *,
    by_movie: bool = True,
) -> Split:
    """Split examples so that no two parts have almost the same pixels.

    Parameters
    ----------
    sources : the planes of each image file, in order.
    validation, test : fractions of all examples, 0 to 1.
    seed : of the shuffling.
    known : the `digests` of the split of the model that the training starts from. Its files stay
        in their parts, and the new ones are divided.
    side : of patches in px, where images are learnt from that have no labels: see
        :mod:`imagej_dl.training.held_out`.
    by_movie : of two movies, whether one validates; earlier versions divided their frames.

    Returns
    -------
    the split: of three files or more by files, shuffled. Of two movies (or stacks) of five
    planes or more, the one with fewer planes validates and tests, and the other is trained on. Of
    one such file, by contiguous blocks of planes, since neighbours are similar: the first for
    training, the last for validation and test. Fewer planes are cut into two regions with objects
    in both, along the line that crosses the fewest. If there is no such line, one of two images
    validates; a single one is both trained on and validated on.

    Raises
    ------
    UserError : when there is nothing to divide.
    """
    sources = [planes for planes in sources if planes]
    planes = [example for source in sources for example in source]
    if not planes:
        raise UserError("there is no labelled image to train on")
    if side is not None and len(sources) < _FEWEST_IMAGES:
        held = held_out.divide(planes, validation, test, side)
        found = Split(held.train, held.validation, held.test, held.by, seed, known)
    elif len(sources) >= _FEWEST_FILES:
        order = np.random.default_rng(seed).permutation(len(sources))
        parts = _with_objects(_files([sources[i] for i in order], validation, test, known or {}))
        flat = [[example for source in part for example in source] for part in parts]
        found = Split(flat[0], flat[1], flat[2], "files", seed, known)
    elif by_movie and not known and _are_movies(sources):
        found = Split(*_of_movies(sources, test), "movies", seed, known)
    elif len(planes) >= _FEWEST_PLANES:
        blocks = _shares(planes, validation, test)
        found = Split(*blocks, "planes", seed, known)
    else:
        found = replace(_few(planes, validation, seed), known=known)
    if any(held_out.was_trained_on(one, known or {}) for one in found.validation + found.test):
        warn(
            "the model to start from was trained on images that are now used for validation: "
            "its scores will be too high. Add images to avoid this"
        )
    return replace(found, shared=_shared(found, sources))


def _shared(found: Split, sources: list[Source]) -> str | None:
    """Return in words that what validates is of files that are trained on; None if it is not."""
    if found.by == "nothing":
        return "the training images"
    if found.by == "regions":
        return "another part of the training images"
    train, validation = ({id(e) for e in part} for part in (found.train, found.validation))
    for source in sources:
        ids = {id(example) for example in source}
        if ids & train and ids & validation:
            return "other frames or slices of the same file as those that are trained on"
    return None


def _are_movies(sources: list[Source]) -> bool:
    return len(sources) == 2 and all(
        len(source) >= _FEWEST_PLANES and _objects(source) for source in sources
    )


def _of_movies(sources: list[Source], test: float) -> tuple[Source, Source, Source]:
    """Train on the longer of two movies; the end of the other tests, the rest of it validates."""
    second, first = sorted(reversed(sources), key=len)
    testing = min(round(test * (len(first) + len(second))), len(second) // 2)
    held = len(second) - testing
    if not _objects(second[:held]):
        held = len(second)
    return first, second[:held], second[held:]


def labelled(sources: list[Source]) -> tuple[list[Source], list[Example]]:
    """Return the planes of each file of which something is known, and all others.

    Only the former are divided: there is nothing in the others to validate with.
    """
    known = [[example for example in source if not example.is_unlabelled] for source in sources]
    return known, [example for source in sources for example in source if example.is_unlabelled]


def _files(
    sources: list[Source], validation: float, test: float, known: dict[str, list[str]]
) -> Parts:
    where = [_part(source, known) for source in sources]
    old = {part: [s for s, w in zip(sources, where, strict=True) if w == part] for part in _PARTS}
    new = [source for source, part in zip(sources, where, strict=True) if part is None]
    if not old["train"] and not old["validation"]:
        # No constraint: test images of the model are as good as new ones.
        return _shares(sources, validation, test)
    if not old["validation"] and not new:
        return _shares(sources, validation, test)
    validating = round(len(new) * validation)
    testing = round(len(new) * test)
    if not old["validation"]:
        validating = max(1, validating)
    testing = min(testing, max(len(new) - validating, 0))
    training = len(new) - validating - testing
    if not old["train"] and not training:
        return _shares(sources, validation, test)
    return (
        old["train"] + new[:training],
        old["validation"] + new[training : training + validating],
        old["test"] + new[training + validating :],
    )


def _part(source: Source, known: dict[str, list[str]]) -> str | None:
    digests = {example.digest for example in source} - {""}
    # Training first: an image that was trained on once must not validate.
    return next((part for part in _PARTS if digests & set(known.get(part, ()))), None)


def _with_objects(parts: Parts) -> Parts:
    """Exchange files so that training and validation each have objects."""
    train, validation, test = (list(part) for part in parts)
    for poor, rich in ((train, validation), (validation, train)):
        having = [i for i, source in enumerate(rich) if _objects(source)]
        if any(map(_objects, poor)) or len(having) < 2:
            continue
        poor[-1], rich[having[-1]] = rich[having[-1]], poor[-1]
    return train, validation, test


def _objects(source: Source) -> bool:
    return any(example.labels.any() for example in source)


def _shares(items: list, validation: float, test: float) -> tuple[list, list, list]:
    count = len(items)
    validating = max(1, round(count * validation))
    testing = max(1, round(count * test)) if test and count >= _FEWEST_PLANES else 0
    training = count - validating - testing
    if training < 1:
        raise UserError(
            f"{count} images cannot be divided into fractions of {validation:g} for validation and "
            f"{test:g} for test",
            remedy="Choose smaller fractions, or label more images.",
        )
    return items[:training], items[training : training + validating], items[training + validating :]


def _few(planes: list[Example], share: float, seed: int) -> Split:
    few = f"only {len(planes)} image plane(s); none is held out as test set"
    more = "More images improve the model and make the validation reliable"
    cuts = [(example, _best_cut(example, share)) for example in planes]
    parts = [(_regions(example, cut), cut) for example, cut in cuts if cut is not None]
    if parts:
        crossed = sum(cut.crossed for _, cut in parts)
        both = f", and {crossed} object(s) lie on both sides of the cut" if crossed else ""
        warn(f"{few}: validation uses a part of an image{both}. {more}")
        whole = [example for example, cut in cuts if cut is None]
        training = [first for (first, _), _ in parts] + whole
        return Split(training, [second for (_, second), _ in parts], [], "regions", seed)
    having = [example for example in planes if example.labels.any()]
    if len(having) > 1:
        warn(f"{few}: {having[-1].name} is used for validation, and not for training. {more}")
        rest = [example for example in planes if example is not having[-1]]
        return Split(rest, having[-1:], [], "planes", seed)
    warn(f"{few}: its objects cannot be divided, so the validation uses training data. {more}")
    return Split(planes, having, [], "nothing", seed)


@dataclass(frozen=True)
class _Cut:
    """A line across `axis` before pixel `at`; with `last`, validation is the part after it."""

    axis: int
    at: int
    last: bool
    crossed: int


def _best_cut(example: Example, share: float) -> _Cut | None:
    """Find the line with complete objects on both sides that crosses the fewest.

    Validation gets half to one and a half times its share; when that has no object, up to half of
    the image. Of equal lines the one with the nearest share is taken, then the one across the
    longer side, with validation after it.
    """
    size = example.labels.shape
    boxes = [box for _, box in bounding_boxes(example.labels)]
    found = []
    longer = int(np.argmax(size))
    for axis in (0, 1):
        length = size[axis]
        starts = np.sort([box[axis].start for box in boxes])
        stops = np.sort([box[axis].stop for box in boxes])
        for at in range(1, length):
            before = int(np.searchsorted(stops, at, "right"))
            after = len(boxes) - int(np.searchsorted(starts, at, "left"))
            if not before or not after:
                continue
            crossed = len(boxes) - before - after
            for last in (True, False):
                part = (length - at if last else at) / length
                if share / 2 <= part <= max(0.5, 1.5 * share):
                    far = part > 1.5 * share
                    cost = (far, crossed, round(abs(part - share), 6), axis != longer, not last)
                    found.append((cost, _Cut(axis, at, last, crossed)))
    return min(found, key=lambda item: item[0])[1] if found else None


def _regions(example: Example, cut: _Cut) -> tuple[Example, Example]:
    length = example.labels.shape[cut.axis]

    def part(where: slice) -> Example:
        index = (where, slice(None)) if cut.axis == 0 else (slice(None), where)
        label = f"{example.name} {'YX'[cut.axis]}={where.start}-{where.stop - 1}"
        return replace(example.part(index), name=label)

    first, second = part(slice(0, cut.at)), part(slice(cut.at, length))
    return (first, second) if cut.last else (second, first)
