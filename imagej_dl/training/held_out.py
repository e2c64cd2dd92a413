"""Hold out a part of few images without labels: their last planes, or a region of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imagej_dl.errors import UserError, warn
from imagej_dl.training.patches import Example

_FEWEST_PLANES = 10
_PART = ":"
"""Between the digest of a plane and the part of it that is held out."""


@dataclass(frozen=True)
class HeldOut:
    """The parts, and the units that were divided: "planes", "regions", or "nothing"."""

    train: list[Example]
    validation: list[Example]
    by: str
    test: list[Example] = field(default_factory=list)


def check_sizes(sources: Iterable[Sequence[Example]], side: int) -> None:
    """Raise UserError for a plane smaller than patches of `side` px.

    It would be mirrored to the size of a patch, and the network would see in the mirror what is
    hidden from it.
    """
    for example in (one for planes in sources for one in planes):
        height, width = example.labels.shape
        if min(height, width) < side:
            raise UserError(
                f"the plane of {width} x {height} px is smaller than the patches of {side} px "
                "that training cuts",
                path=example.name,
                remedy=f"Leave it out, or choose --patch {max(16, min(height, width) // 16 * 16)}.",
            )


def divide(planes: list[Example], validation: float, test: float, side: int) -> HeldOut:
    """Hold out planes, or regions, for validation.

    Of ten planes or more the last are held out, as a contiguous block, since neighbours in a movie
    or a stack are similar. Of fewer, the end of each along its longer axis is, at least a patch
    wide; where that leaves less than a patch for the training, images are trained on and validated
    on as a whole, with a warning. No region is a test set.

    Parameters
    ----------
    planes : of all images, in order.
    validation, test : fractions of all planes, 0 to 1.
    side : of patches in px.

    Raises
    ------
    UserError : when the fractions leave nothing to train on.
    """
    count = len(planes)
    if count >= _FEWEST_PLANES:
        validating, testing = max(1, round(count * validation)), round(count * test)
        training = count - validating - testing
        if training < 1:
            raise UserError(
                f"{count} planes cannot be divided into fractions of {validation:g} for "
                f"validation and {test:g} for test",
                remedy="Choose smaller fractions.",
            )
        end = training + validating
        return HeldOut(planes[:training], planes[training:end], "planes", planes[end:])
    pairs = [_regions(plane, validation, side) for plane in planes]
    held = [second for _, second in pairs if second is not None]
    if not held:
        warn(
            f"the image is too small to hold out a part of it for validation: that takes "
            f"{2 * side} px along one axis with patches of {side} px. The validation uses "
            "training data"
        )
        return HeldOut(planes, planes, "nothing")
    return HeldOut([first for first, _ in pairs], held, "regions")


def _regions(example: Example, share: float, side: int) -> tuple[Example, Example | None]:
    """Cut a plane across its longer axis, if both parts are at least a patch wide."""
    shape = example.labels.shape
    axis = int(shape[1] >= shape[0])
    length = shape[axis]
    held = max(side, round(length * share))
    if length - held < side:
        return example, None

    def part(where: slice) -> Example:
        index = (where, slice(None)) if axis == 0 else (slice(None), where)
        name = f"{example.name} {'YX'[axis]}={where.start}-{where.stop - 1}"
        return replace(example.part(index), name=name)

    kept, end = part(slice(0, length - held)), part(slice(length - held, length))
    # The plane is known by the part that is trained on.
    return kept, replace(end, digest=f"{example.digest}{_PART}{'YX'[axis]}{length - held}")


def was_trained_on(example: Example, known: Mapping[str, Sequence[str]]) -> bool:
    """Return whether a training before saw what now validates.

    Parameters
    ----------
    known : the digests of each part of that training.
    """
    plane, part, _ = example.digest.partition(_PART)
    again = bool(part) and example.digest in known.get("validation", ())
    return bool(plane) and plane in known.get("train", ()) and not again
