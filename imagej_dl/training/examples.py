"""From image and label files to the planes that training reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.images import Levels, Normalisation, Seen, grey_rgb
from imagej_dl.images.checks import saturation
from imagej_dl.images.checks.repeated_warnings import gathered
from imagej_dl.images.intensities.training_intensities import Look, bounded
from imagej_dl.images.labels import marks
from imagej_dl.methods.base import FramesSeen, Method
from imagej_dl.methods.shared.pixel_weights import MAPS
from imagej_dl.models import ModelConfig, frame_windows
from imagej_dl.progress import Progress, silent
from imagej_dl.training import known, object_sizes, target_images, volumes
from imagej_dl.training.data_sources import Maps, Pair
from imagej_dl.training.example_files import (
    belonging,
    channels_of,
    checked,
    labels_of,
    name_of,
    normalised,
    places_of,
    plane_of,
    short_names,
    words_of,
)
from imagej_dl.training.example_storage import Store
from imagej_dl.training.image_agreement import Agreement
from imagej_dl.training.patches import Example

MEMORY_LIMIT = 2 * 2**30
"""Bytes of examples that are kept in memory; what is above is memory-mapped from disk."""


class Examples:
    """The planes of all pairs, normalised, and what they have in common.

    Parameters
    ----------
    pairs, normalisation : what is read, and how intensities become the network's input.
    slices : of patches that are volumes: then each frame is learnt as a volume.
    frames : that the network sees at once; each example brings the others (see
        :func:`imagej_dl.models.frame_windows.window`).
    weight_map : the pixel weights that are made, where none are given.
    method : what is learnt, by default from label maps. Of methods that learn an image, the second
        of each pair is that image.
    maps : for each pair, what is given beside its label map.
    sparse : what is not drawn is unknown, except a ring of `ring` px around each object, and what
        is marked as background (see :mod:`imagej_dl.training.known`).
    like : a model that a training starts from.
    memory_limit : bytes; what is above is memory-mapped from disk.

    Attributes
    ----------
    sources : the planes of each pair, in order.
    channels : of the images.
    calibration : of the first image, or of the model `like` that a training starts from where no
        image has one; others that differ by more than 10 % are warned of.
    diameter : median diameter of all objects in px; None where an image is learnt.
    smallest : area in px below which nothing is an object (see :func:`targets.least_area`).
    seen : of intensities, in the planes with objects (and what the model `like` saw); None for
        ways of normalisation that it does not bound.
    raw : the first plane that has an object, as it is in its file: the model's test image. For a
        network of several frames the window (T, Y, X) or (T, Y, X, C), itself last; for a 3-D one
        the first volume (Z, Y, X) or (Z, Y, X, C).
    """

    @gathered()
    def __init__(
        self,
        pairs: Iterable[Pair],
        normalisation: Normalisation,
        *,
        frames: int = 1,
        weight_map: str = "none",
        method: Method | None = None,
        maps: Sequence[Maps] | None = None,
        sparse: bool = False,
        ring: int = 2,
        slices: int | None = None,
        like: ModelConfig | None = None,
        memory_limit: int = MEMORY_LIMIT,
        progress: Progress = silent,
    ) -> None:
        pairs = list(pairs)
        if not pairs:
            raise UserError("there is no image with labels to train on")
        self.sources: list[list[Example]] = []
        self.raw: NDArray = np.zeros((0, 0), np.uint8)
        self._normalisation = normalisation
        self._frames = frames
        self._frames_seen: FramesSeen = "before" if method is None else method.frames_seen
        self._weights = MAPS.get(weight_map)
        self._ring = ring if sparse else None
        self._estimated = 0
        self._store = Store(memory_limit)
        agreed = Agreement(like)
        learns_from = "labels" if method is None else method.learns_from
        self._takes_unlabelled = method is not None and method.takes_unlabelled
        self._looks: list[tuple[Look, ...]] = []
        self._bare: dict[str, tuple[Look, ...]] = {}
        diameters: list[NDArray[np.float64]] = []
        names = short_names([image for image, _ in pairs])
        wanted = like.channels if like is not None else channels_of(image for image, _ in pairs)
        for done, (source, truth) in enumerate(pairs):
            progress("reading", done, len(pairs))
            image = source if isinstance(source, xr.DataArray) else images.read(source)
            image = grey_rgb.with_channels(image, wanted, names[done])
            place = names[done] if isinstance(truth, xr.DataArray) else str(truth)
            target = None
            if truth is None:
                if not self._takes_unlabelled:
                    raise UserError(
                        "the image was given without its ground truth", path=names[done]
                    )
                labels, marked = target_images.with_label(image, np.uint16(0)), None
            elif learns_from == "labels":
                labels, marked = labels_of(truth, image)
            else:
                itself = learns_from == "itself"
                target = image if itself else target_images.read(truth, image, place)
                labels, marked = target_images.with_label(image, np.uint8(1)), None
            image, labels = checked(names[done], image, labels, place)
            agreed.compare(names[done], image)
            given = (maps[done] if maps else None) or Maps()
            if given.marks is not None:
                marked = marks.of(given.marks, labels)
            labels, marked = known.settled(labels, marked)
            extra = {
                name: belonging(source, image)
                for name, source in (("contours", given.contours), ("weights", given.weights))
                if source is not None
            }
            here = None if given.whole else self._ring
            bare = truth is None
            if slices is not None:
                assert target is not None, "only images are learnt as volumes"
                volumes.check(names[done], image, slices)
                planes = []
                read = volumes.examples(names[done], image, target, normalisation, self._store)
                for example, raw in read:
                    planes.append(example)
                    if not self.raw.size:
                        self.raw = raw
            else:
                planes = self._planes(names[done], image, labels, marked, here, extra, target, bare)
            self.sources.append(planes)
            if target is not None and target is not image:
                target_images.check(names[done], image, target)
            if learns_from == "labels":
                diameters += [object_sizes.diameters(example.labels) for example in planes]
        progress("reading", len(pairs), len(pairs))
        self.channels, self.calibration = agreed.channels, agreed.calibration
        self.diameter: float | None = None
        self.smallest, self.seen = 0, None
        if learns_from == "itself":
            saturation.refuse_constant([e.image for planes in self.sources for e in planes])
        if learns_from != "labels":
            return
        sizes = np.concatenate(diameters)
        if not sizes.size:
            raise UserError(
                "none of the label maps contains an object",
                remedy="Draw ROIs, or check that the label maps belong to the images.",
            )
        if sparse:
            flat = [example for planes in self.sources for example in planes]
            known.check_background(flat, ring, self._estimated)
        self.diameter = float(np.median(sizes))
        self.smallest = self._smallest(sizes, like)
        # Less than a quarter of an object is none that the contrast may be measured by.
        self.seen = Seen.of(self._looks, np.pi / 16 * self.diameter**2)
        if like is not None and like.seen is not None and self.seen is not None:
            self.seen += like.seen
        self._bound()

    def _smallest(self, sizes: NDArray[np.float64], like: ModelConfig | None) -> int:
        if like is None or like.instances is None:
            return object_sizes.least_area(sizes)
        flat = (example.labels for planes in self.sources for example in planes)
        uncut = np.concatenate([object_sizes.diameters(labels, uncut=True) for labels in flat])
        return object_sizes.least_area(uncut, like.instances.least_area())

    @property
    def fingerprint(self) -> str:
        """A digest of all pixels, by which a resumed training knows its data."""
        return self._store.fingerprint

    def with_vectors(
        self, examples: Sequence[Example], method: Method, progress: Progress = silent
    ) -> list[Example]:
        """Return the examples with the vectors that the method makes of their labels, if any.

        `progress` is told the stage "building", in examples.
        """
        result = []
        for done, example in enumerate(examples):
            vectors = method.vectors(example.labels)
            if vectors is not None:
                progress("building", done, len(examples))
                example = replace(example, vectors=self._store.keep(vectors))
            result.append(example)
        return result

    def _planes(
        self,
        name: str,
        image: xr.DataArray,
        labels: xr.DataArray,
        marked: xr.DataArray | None,
        ring: int | None,
        extra: dict[str, xr.DataArray],
        target: xr.DataArray | None,
        bare: bool = False,
    ) -> list[Example]:
        """Return the planes; `target` is the image that is learnt, which may be `image` itself.

        Of a `bare` image nothing is labelled.
        """
        places = places_of(image)
        drawn = [place for place in places if known.is_drawn(place, labels, marked)]
        # In a stack, planes without any ROI are most often planes nobody has looked at.
        partly = bool(drawn or ring is not None) and len(drawn) < len(places)
        filled, unlabelled = places, places if bare else []
        if partly and self._takes_unlabelled:
            unlabelled = [place for place in places if place not in drawn]
        elif partly:
            warn(
                f"{name}: {len(places) - len(drawn)} of {len(places)} planes have no labels "
                "and are left out"
            )
            filled = drawn
        levels = {
            z: self._normalisation.levels(
                plane_of(name, image, place) for place in places if place.get("Z", 0) == z
            )
            for z in range(image.sizes.get("Z", 1))
        }
        examples, saturated = [], []
        prepared: dict[tuple[int, int], tuple[NDArray, NDArray, Levels]] = {}

        def frame(t: int, z: int) -> tuple[NDArray, NDArray, Levels]:
            if (t, z) not in prepared:
                at = {axis: i for axis, i in (("T", t), ("Z", z)) if axis in image.dims}
                raw = plane_of(name, image, at)
                ready, used = normalised(name, raw, at, self._normalisation, levels[z])
                prepared[t, z] = raw, self._store.record(ready), used
            return prepared[t, z]

        count = image.sizes.get("T", 1)
        frame_windows.check(self._frames, count, self._frames_seen, name)
        # A network of several frames sees those without labels, too.
        for place in places if self._frames > 1 else filled:
            t, z = place.get("T", 0), place.get("Z", 0)
            shown = frame_windows.window(t, self._frames, count, self._frames_seen)
            for left in [at for at in prepared if at[1] == z and at[0] < min(shown)]:
                del prepared[left]
            seen = {i: frame(i, z) for i in sorted(set(shown))}
            raw, kept, used = seen[t]
            if place not in filled:
                continue
            if target is image:
                saturated.append(saturation.share(raw))
            if target is None:
                flat = np.ascontiguousarray(labels.isel(place).data)
            else:  # without memory
                flat = np.broadcast_to(np.uint8(1), raw.shape[:2])
            where: NDArray[np.bool_] | None
            if place in unlabelled:
                where = np.broadcast_to(np.False_, flat.shape)  # without memory
                self._store.note(b"unlabelled")
            else:
                where = self._known(flat, marked, place, kept, ring)
                if where is not None:
                    if not where.any():
                        continue
                    where = self._store.keep(where)
            if (look := self._normalisation.look(raw, levels[z])) is not None:
                if flat.any():
                    self._looks.append(look)
                elif self._frames == 1 and levels[z] is None:
                    self._bare[name_of(raw)] = look
            if not self.raw.size and flat.any():
                window = [seen[i][0] for i in shown]
                self.raw = raw if self._frames == 1 else np.stack(window)
            self._store.note(flat.tobytes())
            examples.append(
                Example(
                    name + words_of(place),
                    kept,
                    self._store.keep(flat) if target is None else flat,
                    digest=name_of(raw),
                    others=tuple(seen[i][1] for i in shown[:-1]),
                    **self._target(name, raw, kept, image, target, place, used),
                    known=where,
                    **self._extra(flat, place, extra),
                )
            )
        saturation.tell(name, saturated)
        return examples

    def _known(
        self,
        labels: NDArray,
        marked: xr.DataArray | None,
        place: dict[str, int],
        ready: NDArray[np.float32],
        ring: int | None,
    ) -> NDArray[np.bool_] | None:
        """Return where the ground truth of a plane is known, None everywhere."""
        flat = None if marked is None else np.asarray(marked.isel(place).data)
        found = known.of_plane(labels, flat, ready, ring)
        if found.estimated:
            self._estimated += 1
        if found.where is not None:
            self._store.note(found.where.tobytes())
        return found.where

    def _bound(self) -> None:
        """Stretch planes without objects as prediction will, by what is seen in those with some."""
        if self.seen is None:
            return
        for planes in self.sources:
            for number, example in enumerate(planes):
                looks = self._bare.get(example.digest)
                if looks is None or example.labels.any():
                    continue
                image, changed = np.array(example.image), False
                for i, look in enumerate(looks):
                    high, far = bounded(look, self.seen, i)
                    if far:
                        factor = np.float32(look.spread / (high - look.low))
                        top = np.float32(self.seen.channels[i].top)
                        image[..., i] = np.minimum(image[..., i] * factor, top)
                        changed = True
                if changed:
                    planes[number] = replace(example, image=self._store.keep(image))

    def _target(
        self,
        name: str,
        raw: NDArray,
        kept: NDArray[np.float32],
        image: xr.DataArray,
        target: xr.DataArray | None,
        place: dict[str, int],
        levels: Levels,
    ) -> dict[str, Any]:
        """Return the fields of an example that learns an image; see :mod:`.target_images`."""
        if target is None:
            return {}
        if target is image:
            return {"target": kept}
        found = target_images.plane(name, raw, target, place, levels)
        return found | {"target": self._store.record(found["target"])}

    def _extra(
        self, labels: NDArray, place: dict[str, int], extra: dict[str, xr.DataArray]
    ) -> dict[str, Any]:
        found = {name: np.asarray(one.isel(place).data) for name, one in extra.items()}
        if "weights" in found:
            found["weights"] = found["weights"].astype(np.float32)
        elif self._weights is not None:
            found["weights"] = self._weights(labels)
        return {name: self._store.record(array) for name, array in found.items()}
