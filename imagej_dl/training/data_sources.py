"""The data of a training: images, their ground truth, and the folders in which they are found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from imagej_dl import project
from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.images.formats import registry as formats
from imagej_dl.images.labels import marks, provenance
from imagej_dl.images.reading import images_in
from imagej_dl.methods.base import LearnsFrom
from imagej_dl.suite import data
from imagej_dl.training import image_pairs

_OF_LABELS = ("masks", "labels", "label", "marks", "contours", "weights")
"""Folders without images to learn from."""

UNLABELLED = "unlabelled"
"""Folder of images without ground truth, in the folder of a training that takes such, too."""

Pair = tuple[str | Path | xr.DataArray, str | Path | xr.DataArray | None]
"""An image and its label map (or RoiSet.zip), as files or in memory; None where it has none."""


@dataclass(frozen=True)
class Given:
    """Pairs that are already divided; `maps` has an entry for each, in this order."""

    train: Sequence[Pair]
    validation: Sequence[Pair] = ()
    test: Sequence[Pair] = ()
    maps: Sequence[Maps] | None = None

    @property
    def pairs(self) -> list[Pair]:
        """Return the pairs of all parts."""
        return [*self.train, *self.validation, *self.test]


@dataclass(frozen=True)
class Maps:
    """Optional maps with the axes of the label map: the contour class, the pixel weights, marks.

    Marks that are not given are those of the RoiSet, or those beside the label map's file (see
    :mod:`imagej_dl.images.labels.marks`). `whole` says that all objects are drawn, though others of
    the training are drawn sparsely.
    """

    contours: str | Path | xr.DataArray | None = None
    weights: str | Path | xr.DataArray | None = None
    marks: str | Path | xr.DataArray | None = None
    whole: bool = False


Image = str | Path | xr.DataArray
"""An image, as a file or in memory."""
Source = str | Path | xr.DataArray | Iterable[Pair] | Iterable[Image] | Given
"""The data that :func:`imagej_dl.training.train` learns from."""


def as_given(
    source: Source, learns_from: LearnsFrom = "labels", *, unlabelled: bool = False
) -> Given:
    """Return a folder, an image, pairs or images as `Given`, all of them to be divided.

    Where a method learns from the image itself, each image makes a pair with itself. With
    `unlabelled`, images of a folder may be without label map (see :func:`find_pairs`).

    Raises
    ------
    UserError : for images without a partner, where pairs are learnt from; as :func:`find_pairs`
        and :func:`find_images`.
    """
    if isinstance(source, Given):
        return source
    if learns_from != "itself":
        if isinstance(source, (str, Path)):
            if learns_from == "image":
                return Given(image_pairs.find(Path(source)))
            return Given(find_pairs(source, unlabelled=unlabelled))
        pairs = [source] if isinstance(source, xr.DataArray) else list(source)
        if any(not isinstance(pair, (tuple, list)) for pair in pairs):
            raise UserError(
                "an image was given without its ground truth",
                remedy="Give pairs of images and label maps, or choose a kind that learns from "
                "images alone.",
            )
        return Given(pairs)  # type: ignore[arg-type]
    if isinstance(source, (str, Path)):
        return of_images(find_images(source))
    return of_images([source] if isinstance(source, xr.DataArray) else source)


def of_images(images: Iterable[Image | Pair]) -> Given:
    """Return images as pairs with themselves; of pairs, the image is taken."""
    firsts = [one[0] if isinstance(one, (tuple, list)) else one for one in images]
    return Given([(image, image) for image in firsts])


def find_images(source: str | Path) -> list[Path]:
    """Find the images to learn from that have no ground truth, sorted by name.

    Parameters
    ----------
    source : an image file, or a folder. Of a project its Processed/images, or else its Raw; of a
        folder with `images` or `inputs` what these hold; of any other the images in it, or else
        those in its folders. Label maps, marks and ROIs are none.

    Raises
    ------
    UserError : when it is missing, or holds no image.
    """
    source = Path(source)
    if not source.exists():
        raise UserError("there is no such file or folder", path=source)
    if not formats.is_plain_folder(source):
        return [source]
    for place in ("Processed/images", "images", "inputs", "Raw"):
        if found := _unlabelled(source / place):
            return found
    folders = [p for p in _folders(source) if p.name not in _OF_LABELS]
    found = _unlabelled(source) or [path for folder in folders for path in _unlabelled(folder)]
    if not found:
        raise UserError(
            "holds no image to learn from",
            path=source,
            remedy="Give it a folder of images, or an image file.",
        )
    return found


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder that are no images."""
    return [path for path in names.visible(folder) if formats.is_plain_folder(path)]


def _unlabelled(folder: Path) -> list[Path]:
    """Return the images of a folder that are no label maps."""
    files = images_in(folder)
    labels = [p for p in files if formats.stem(p) in project.RESULTS]
    beside = [marks.path_of(path) for path in labels]
    made = [p for p in files if provenance.read(p)]
    return [p for p in files if p not in labels and p not in beside and p not in made]


def find_pairs(folder: str | Path, *, unlabelled: bool = False) -> list[Pair]:
    """Find the images with their label maps or ROIs, sorted by name.

    It may be a folder with `inputs` and `labels` (of microscopy-dl-suite-tf), a project or folder
    with `images` and `masks` (see :func:`imagej_dl.project.pairs`), have folders NAME with an image
    and `labels.tif`, or hold files or folders with RoiSets (see :func:`imagej_dl.project.drawn`).

    Parameters
    ----------
    unlabelled : images without label map may be there, too, beside the others or in a folder
        `unlabelled`; they come last, with None.

    Raises
    ------
    UserError : when the folder is missing, or has nothing to train on.
    """
    folder = Path(folder)
    if not formats.is_plain_folder(folder):
        problem = "is no folder" if folder.exists() else "there is no such folder"
        raise UserError(problem, path=folder)
    found = _labelled_in(folder, some=unlabelled)
    return [*found, *((image, None) for image in _bare_in(folder, found))] if unlabelled else found


def _bare_in(folder: Path, pairs: Sequence[Pair]) -> list[Path]:
    """Return the images of a folder without ground truth, beside pairs that were found in it."""
    images = [Path(image) for image, _ in pairs if not isinstance(image, xr.DataArray)]
    kept_apart = images_in(folder / UNLABELLED)
    try:
        others = find_images(folder)
    except UserError:
        others = []  # there is none beside those with ROIs
    # The same image may lie in Raw and in Labeling; in folders NAME all are called alike.
    known = {names.same(path.stem) for path in images} if _has_raw(folder) else set()
    bare = [path for path in others if path not in images and names.same(path.stem) not in known]
    return list(dict.fromkeys([*bare, *kept_apart]))


def _has_raw(folder: Path) -> bool:
    return (folder / "Raw").is_dir()


def _labelled_in(folder: Path, some: bool) -> list[Pair]:
    """Return the pairs of a folder; with `some`, images without label map are left out."""
    if data.is_suite(folder):
        return pairs_of(data.items(folder, labelled="some" if some else True))
    if (project.processed(folder) / "masks").is_dir():
        return [(pair.image, pair.labels) for pair in project.pairs(folder, some=some)]
    found = [pair for place in (folder, *_folders(folder)) if (pair := _labelled(place))]
    if found:
        return found
    try:
        return [(item.image, item.rois) for item in project.drawn(folder)]
    except UserError as error:
        if Path(error.path or folder) != folder:
            raise
        raise UserError(
            "holds no image with a label map or a RoiSet to train on",
            path=folder,
            remedy="Give it a project after `imagej-dl labels`, a folder with images and masks, "
            "or folders NAME with image.tif and labels.tif or RoiSet.zip.",
        ) from error


def find_given(
    folder: Path | xr.DataArray,
    validation: Path | None = None,
    test: Path | None = None,
    *,
    recurrent: bool = False,
    videos: Path | None = None,
    learns_from: LearnsFrom = "labels",
    targets: Path | xr.DataArray | None = None,
    unlabelled: bool = False,
) -> Given:
    """Find the training, validation and test images, each in a folder of its own.

    Parameters
    ----------
    folder, validation, test : see :func:`find_pairs`; a test folder without labels is left out.
        Of images alone, or pairs, `folder` may be one image in memory, and `targets` another.
    recurrent : assemble single frames to videos.
    videos : the table `videos2im_relation.csv` of these, if it is not in the folder. It is first of
        all that of the test folder, as in configurations of microscopy-dl-suite-tf.
    learns_from : with "itself", the images are those of :func:`find_images`; with "image", the
        pairs those of :func:`imagej_dl.training.image_pairs.find`.
    targets : the targets of the images in `folder`, where these lie in another one.
    unlabelled : as for :func:`find_pairs`, of the training images.

    Raises
    ------
    UserError : when one is not a folder, or one of its images has no labels.
    """
    if learns_from == "itself":
        places = (folder, validation, test)
        pairs = [[] if one is None else as_given(one, "itself").pairs for one in places]
        return Given(pairs[0], pairs[1], pairs[2])
    if learns_from == "image":
        others = [image_pairs.find(one) if one else [] for one in (validation, test)]
        return Given(image_pairs.find(folder, targets), others[0], others[1])
    if isinstance(folder, xr.DataArray):
        raise UserError(
            "is an image, and this kind learns from label maps",
            path=folder.attrs.get("title") or None,
            remedy="Name a project, or choose a kind that learns from images.",
        )
    parts: list[list[data.Item]] = []
    for place in (folder, validation, test):
        if place is None:
            parts.append([])
        elif data.is_suite(place):
            labelled = place is not test or data.is_labelled(place)
            bare = unlabelled and place is folder
            items = data.items(
                place,
                labelled="some" if bare and labelled else labelled,
                recurrent=recurrent,
                relation=videos,
                own_first=place is not test,
            )
            parts.append([item for item in items if bare or item.labels is not None])
        else:
            found = find_pairs(place, unlabelled=unlabelled and place is folder)
            parts.append([data.Item("", image, labels) for image, labels in found])
    maps = [Maps(item.contours, item.weights) for part in parts for item in part]
    first, second, third = ([(item.image, item.labels) for item in part] for part in parts)
    return Given(first, second, third, maps)


def pairs_of(items: Iterable[data.Item]) -> list[Pair]:
    """Return the labelled images with their label maps."""
    return [(item.image, item.labels) for item in items if item.labels is not None]


def _labelled(folder: Path) -> Pair | None:
    """Return the image and label map of a folder NAME, if it has exactly one of each."""
    files = images_in(folder)
    labels = [p for p in files if formats.stem(p) in project.RESULTS]
    files = [p for p in files if p not in map(marks.path_of, labels)]
    others = [p for p in files if formats.stem(p) not in project.RESULTS]
    named = [
        p for p in others if names.same(formats.stem(p)) in ("image", names.same(folder.name))
    ] or others
    return (named[0], labels[0]) if len(labels) == 1 and len(named) == 1 else None
