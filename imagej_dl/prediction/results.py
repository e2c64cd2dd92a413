"""The files that predictions leave: label map, RoiSet.zip and probabilities of each image."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import names
from imagej_dl.filesystem.atomic import refuse_existing, together
from imagej_dl.images import ome_zarr, tiff
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import provenance
from imagej_dl.images.ome_zarr.writing import way
from imagej_dl.images.tiff import file_sets

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.prediction.inputs import Source
    from imagej_dl.prediction.predict import Prediction
    from imagej_dl.rois import Roi


ImageFormat = Literal["tiff", "ome-zarr"]
SUFFIXES: dict[ImageFormat, str] = {
    "tiff": tiff.SUFFIXES[0],
    "ome-zarr": f".ome{ome_zarr.SUFFIX}",
}
"""The formats in which results are written, and the suffixes of their files."""


@dataclass(frozen=True)
class Results:
    """A folder of results, and which files an image gets in it.

    Beside the label map those may be ROIs, probability maps, the denoised image, and the spots of
    a TrackMate file; of a model that gives an image it is that image alone.
    """

    folder: Path
    rois: bool
    probabilities: bool
    overwrite: bool = False
    gives: Literal["instances", "image"] = "instances"
    denoised: bool = False
    spots: bool = False
    suffix: str = SUFFIXES["tiff"]

    @property
    def main(self) -> str:
        """The file that each image gets, NAME.tif or NAME.ome.zarr, as :meth:`files` calls it."""
        return "labels" if self.gives == "instances" else "image"

    def files(self, source: Source) -> dict[str, Path]:
        """Return where "labels" (or "image") go; "rois", "probabilities", "denoised" if wanted."""
        paths = {self.main: self.folder / f"{source.name}{self.suffix}"}
        if self.gives == "image":
            return paths
        if self.rois:
            paths["rois"] = self.folder / f"{source.name}_RoiSet.zip"
        if self.probabilities:
            paths["probabilities"] = self.folder / f"{source.name}_probabilities{self.suffix}"
        if self.denoised:
            paths["denoised"] = self.folder / f"{source.name}_denoised{self.suffix}"
        if self.spots:
            paths["spots"] = self.folder / f"{source.name}_spots.xml"
        return paths

    def refuse(
        self, sources: list[Source], made: dict[str, Any] | None = None
    ) -> tuple[list[Source], list[Source]]:
        """Look at all files before the first image is predicted.

        Parameters
        ----------
        made : what predictions are made with now, as :meth:`write` keeps it: of several images,
            those whose results were made so before a stop need not be predicted again.

        Returns
        -------
        the images to predict, and those whose results are whole and are kept.

        Raises
        ------
        UserError : when one is there and may not be replaced, is an image to predict, or would be
            the result of two images.
        """
        inputs = {source.path.resolve() for source in sources}
        taken: dict[Path, Source] = {}
        due: list[Source] = []
        for source in sources:
            for path in self.files(source).values():
                if path.resolve() in inputs:
                    raise UserError(
                        "is an image to predict; its result would overwrite it",
                        path=path,
                        remedy="Choose another folder with --out.",
                    )
                other = taken.setdefault(path, source)
                if other is not source:
                    raise UserError(
                        f"would be the result of {other.path} and of {source.path}", path=path
                    )
            if made is None or self.overwrite or len(sources) == 1 or not self.has(source, made):
                due.append(source)
                for path in self.files(source).values():
                    if names.fits(path):  # else the image is left out when it is its turn
                        refuse_existing(path, self.overwrite)
        return due, [source for source in sources if source not in due]

    def need_names(self, source: Source) -> None:
        """Raise UserError where a result of an image would have too long a name."""
        names.need(self.files(source).values(), source.path)

    def has(self, source: Source, made: dict[str, Any]) -> bool:
        """Return whether an image has its results; refuse those that were made otherwise."""
        paths = self.files(source)
        main = paths[self.main]
        before = provenance.read(main)
        if "model" not in before:
            return False
        now = {**made, "image": stamp(source)}
        for key, words in _OTHERWISE.items():
            if before.get(key) != now[key]:
                raise UserError(
                    f"exists, made {words}",
                    path=main,
                    remedy="Choose another folder, or pass --overwrite.",
                )
        none = {"rois"} if before.get("objects") == 0 else set()
        missing = [key for key, path in paths.items() if key not in none and not path.exists()]
        if missing:
            raise UserError(
                f"exists, but without its {missing[0]}",
                path=main,
                remedy="Pass --overwrite, or remove it to predict it again.",
            )
        return True

    def write(
        self,
        source: Source,
        result: Prediction,
        hyperstack: bool,
        made: dict[str, Any] | None = None,
        *,
        probable: bool = True,
        spots: Callable[[Path], None] | None = None,
    ) -> None:
        """Write the files of an image, all of them or none.

        `hyperstack` says whether ImageJ shows it as one; `made` is kept in the label map: the
        model's fingerprint and the settings. `probable` says whether all channels of the network's
        output are probabilities, which ImageJ shows from 0 to 1. `spots` writes the file of spots.

        Warns
        -----
        DataWarning : when a former prediction's labels in another format, its ROIs, probabilities
            or denoised image stay beside new labels.
        """
        paths = self.files(source)
        found: list[Roi] = []
        with together(self.folder, overwrite=self.overwrite) as folder:
            if result.probabilities is not None:
                path = folder / paths["probabilities"].name
                display: dict[str, Any] = {"min": 0.0, "max": 1.0} if probable else {}
                images.write(result.probabilities, path, **display)
            if result.denoised is not None and self.denoised:
                images.write(result.denoised, folder / paths["denoised"].name)
            if self.rois:
                from imagej_dl.rois import write

                found = rois_of(result, hyperstack)
                if found:
                    write(found, folder / paths["rois"].name)
            if self.spots and spots is not None:
                spots(folder / paths["spots"].name)
            facts: dict[str, Any] = {**made, "image": stamp(source)} if made else {}
            if made and result.unlike:
                facts["unlike"] = list(result.unlike)
            kept = provenance.of(result.labels, **facts, objects=objects(result)) if made else {}
            target = paths["labels"]
            of = None if source.image is not None else way(target, source.path)
            images.write_labels(result.labels, folder / target.name, source=of, **kept)
        if self.rois and not found:
            # An empty archive is none that ImageJ opens; an old one would be of other labels.
            paths["rois"].unlink(missing_ok=True)
        # They may hold what the user has corrected, so they stay.
        every = replace(self, rois=True, probabilities=True, denoised=True).files(source)
        beside = [path for key, path in every.items() if key not in paths and os.path.exists(path)]
        if old := [path.name for path in (*self._in_other_formats(source), *beside)]:
            warn(f"{', '.join(old)} existed before and belongs to other labels", path=self.folder)

    def write_image(
        self, source: Source, image: xr.DataArray, made: dict[str, Any] | None = None
    ) -> None:
        """Write the image that a model gives for another one; `made` is kept in it.

        Warns
        -----
        DataWarning : when a former prediction in another format stays beside it.
        """
        kept: dict[str, Any] = {**made, "image": stamp(source)} if made else {}
        with together(self.folder, overwrite=self.overwrite) as folder:
            path = folder / self.files(source)[self.main].name
            facts: dict[str, Any] = {provenance.KEY: json.dumps(kept)} if made else {}
            images.write(image, path, **facts)
        if old := [path.name for path in self._in_other_formats(source)]:
            warn(f"{', '.join(old)} is of a former prediction", path=self.folder)

    def _in_other_formats(self, source: Source) -> list[Path]:
        """Return the results of former predictions of an image in another format than this."""
        others = (replace(self, suffix=suffix) for suffix in SUFFIXES.values())
        files = [other.files(source)[self.main] for other in others if other.suffix != self.suffix]
        # A file of this name may be the image itself.
        return [path for path in files if "model" in provenance.read(path)]


_OTHERWISE = {
    "model": "by another model",
    "how": "with other settings",
    "image": "from another image, or from this one before it was changed",
}


def stamp(source: Source) -> list[int] | str | None:
    """Return what tells an image's file, or its set of files, from the same one changed.

    Of a folder with several images, such as a plate, the files of the others say nothing of it.
    """
    if source.image is not None:
        return provenance.digest_of(source.image)
    try:
        if registry.is_folder_image(source.path):
            place = registry.of_file(source.path).place(source.path, source.scene)
            return provenance.stamp_of_folder(place, source.path)
        files = [source.path, *file_sets.others(source.path)]
        found = [file.stat() for file in files]
    except OSError:
        return None  # it is open in ImageJ, and in no file
    return [number for one in found for number in (one.st_size, one.st_mtime_ns)]


def objects(result: Prediction) -> int:
    """Count the objects of all planes; each plane has ids of its own from 1, unless it says."""
    if result.number is not None:
        return result.number
    labels = result.labels
    planes = labels.data.reshape(-1, labels.sizes["Y"], labels.sizes["X"])
    return sum(images.memory_maps.largest(plane) for plane in planes)


def rois_of(result: Prediction, hyperstack: bool) -> list[Roi]:
    """Trace the objects of a prediction; of points make point ROIs."""
    if result.points is not None:
        from imagej_dl.prediction import point_rois

        return point_rois.rois(result, hyperstack)
    from imagej_dl.rois import trace

    return trace(result.labels, hyperstack=hyperstack or None)
