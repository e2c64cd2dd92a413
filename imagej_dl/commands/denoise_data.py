"""The data of a denoising: images, alone or with their targets, and what validates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images.formats import registry
from imagej_dl.methods.base import LearnsFrom
from imagej_dl.prediction.inputs import Source, find
from imagej_dl.prediction.results import Results
from imagej_dl.training import image_pairs
from imagej_dl.training.data_sources import Given, Pair

Learnt = tuple[Source, Source]
"""An image, and what is learnt of it: itself, or its target."""


@dataclass(frozen=True)
class Data:
    """The images to denoise, with what is learnt of each; `validation` may be none."""

    train: Sequence[Learnt]
    validation: Sequence[Learnt] = ()

    @property
    def sources(self) -> list[Source]:
        """Return the images to denoise."""
        return [image for image, _ in self.train]

    @property
    def given(self) -> Given:
        """Return the pairs for a training."""
        return Given(_pairs(self.train), _pairs(self.validation))

    def refuse_overwriting(self, results: Results) -> None:
        """Raise UserError where a result would take the place of an image that is learnt from."""
        pairs = (*self.train, *self.validation)
        learnt = {one.path.resolve() for pair in pairs for one in pair}
        for source in self.sources:
            for path in results.files(source).values():
                if path.resolve() in learnt:
                    raise UserError(
                        "is an image that is learnt from; the result would overwrite it",
                        path=path,
                        remedy="Choose another folder with --out.",
                    )


def of_open(image: xr.DataArray, path: Path | None = None) -> Source:
    """Return an image that is open in ImageJ, named by its title; `path` is its file."""
    title = Path(str(image.attrs.get("title") or "image"))
    return Source(path or title, title.stem, image)


def collect(
    sources: list[Source],
    learns_from: LearnsFrom,
    targets: Path | None,
    validation: Path | None,
    opened: Mapping[str, xr.DataArray],
) -> Data:
    """Return the images with their targets, and what validates.

    Parameters
    ----------
    sources : the images to denoise.
    targets : of the images: a file, or a folder with the names of the images.
    validation : another noisy image, or a folder of them; of pairs a folder with low and high.
    opened : images that are open in ImageJ, in the place of `targets` or `validation`.

    Raises
    ------
    UserError : for targets that are missing, or that nobody learns from; for images that validate
        and are trained on.
    """
    check(learns_from, targets, validation, opened)
    if learns_from == "itself":
        train = [(source, source) for source in sources]
        held: list[Source] = []
        if "validation" in opened:
            held = [of_open(opened["validation"])]
        elif validation is not None:
            held = find([validation])
        _refuse_same(held, sources)
        return Data(train, [(source, source) for source in held])
    train = [*zip(sources, _targets(sources, targets, opened), strict=True)]
    if validation is None:
        return Data(train)
    pairs = [(_of_file(one), _of_file(other)) for one, other in image_pairs.find(validation)]
    _refuse_same([image for image, _ in pairs], sources)
    return Data(train, pairs)


def check(
    learns_from: LearnsFrom,
    targets: Path | None,
    validation: Path | None,
    opened: Mapping[str, object] = {},
) -> None:
    """Raise UserError where targets and method, or validation and method, do not go together."""
    if learns_from == "itself":
        if targets is not None:
            raise UserError(
                "cannot be used: this kind learns from no targets",
                path=targets,
                remedy="Choose a kind that learns from pairs of images, such as care.",
            )
        return
    if targets is None:
        raise UserError(
            "this kind learns from pairs of images, and no targets are given",
            remedy="Name the second image, or the folder of the second images, with --targets.",
        )
    if validation is not None and (
        "validation" in opened or not registry.is_plain_folder(validation)
    ):
        raise UserError(
            "is no folder: pairs are validated by pairs",
            path=validation,
            remedy="Name a folder with low and high, or leave --validation out: a tenth is held "
            "out.",
        )


def _targets(
    sources: list[Source], targets: Path | None, opened: Mapping[str, xr.DataArray]
) -> list[Source]:
    given = opened.get("targets", targets)
    assert given is not None, "checked"
    if isinstance(given, Path) and registry.is_plain_folder(given):
        found = image_pairs.partners([source.path for source in sources], given)
        return [_of_file(path) for path in found]
    if len(sources) > 1:
        raise UserError(
            f"is one image, and there are {len(sources)} to learn from",
            path=targets,
            remedy="Name a folder with a target of each image's name.",
        )
    target = of_open(given) if isinstance(given, xr.DataArray) else _of_file(given)
    itself = _same(sources[0], target)
    image_pairs.pair(_image(sources[0]), _image(sources[0]) if itself else given)
    return [target]


def _of_file(image: Path | xr.DataArray) -> Source:
    assert isinstance(image, Path), "it is no open one"
    return Source(image, registry.stem(image))


def _refuse_same(held: list[Source], sources: list[Source]) -> None:
    for one in held:
        for other in sources:
            if _same(one, other):
                raise UserError(
                    "cannot validate: it is trained on",
                    path=one.path,
                    remedy="Name another image with --validation, or leave it out: a tenth of the "
                    "images is held out.",
                )


def _same(one: Source, other: Source) -> bool:
    if one.image is not None and other.image is not None:
        return image_pairs.same(one.image, other.image)
    return image_pairs.same(one.path, other.path)


def _image(source: Source) -> Path | xr.DataArray:
    return source.path if source.image is None else source.image


def _pairs(learnt: Sequence[Learnt]) -> list[Pair]:
    return [(_image(image), _image(target)) for image, target in learnt]
