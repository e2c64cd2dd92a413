"""How often an image is said to be unlike a training: of its own kind, and dimmed.

    python bench/unlike.py [--ctc FOLDER]

No network is trained: what a training keeps of its images (likeness.json), without and with varied
imaging conditions, is compared with images of the same kind that it did not see, as they are and
dimmed to a signal-to-noise ratio as bench/other_movies.py does. Objects are those of the ground
truth. Prints a table in Markdown: how many of the images are far, and in what.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import other_movies
import ready_models
from nuclei import DATA, truths
from numpy.typing import NDArray
from other_movies import Movie
from runs import row

from imagej_dl import images
from imagej_dl.images import Normalisation, Seen
from imagej_dl.images.intensities.likeness import Likeness, central, measured
from imagej_dl.training.imaging import Camera, Imaging
from imagej_dl.training.object_sizes import diameters
from imagej_dl.training.patches import Example
from imagej_dl.training.training_likeness import likeness

Planes = list[tuple[NDArray, NDArray]]
"""Planes with their label maps."""
RATIOS = (None, 6, 2, 1)
_AT_ONCE = 4
"""Frames of a movie of which the median counts, as in a prediction."""


def kinds(options: argparse.Namespace) -> Iterator[tuple[str, Planes, list[Planes]]]:
    """Yield what is trained on and the images of its kind: of a movie some frames together."""

    def of(folder: Path) -> Planes:
        return [(image.values, labels) for image, labels in truths(folder)]

    yield "nuclei/train, nuclei/test", of(DATA / "train"), _each(of(DATA / "test"))
    train, validation = (
        [(images.read(image).values, images.read(mask).values) for image, mask in part]
        for part in ready_models.divide(ready_models.SHARED / "dsb2018")
    )
    yield "dsb2018, its validation images", train, _each(validation)
    pairs = ["simulated", "real", *(["sim+"] if options.ctc else [])]
    for pair in pairs:
        found = other_movies.movies(pair, 0, options)
        name, first = next(found)
        other, second = next(found)
        frames = _frames(second)
        groups = [frames[i :: len(frames) // _AT_ONCE] for i in range(len(frames) // _AT_ONCE)]
        yield f"{name}; {other}", _frames(first), groups


def _each(planes: Planes) -> list[Planes]:
    return [[plane] for plane in planes if plane[1].any()]


def _frames(movie: Movie) -> Planes:
    return [(movie.pixels[t], mask) for t, mask in sorted(movie.masks.items())]


def trained(planes: Planes, imaging: bool) -> Likeness:
    """Return what a training on these planes keeps."""
    rule = Normalisation()
    examples = [Example("", rule(image)[..., None], labels) for image, labels in planes]
    size = float(np.median(np.concatenate([diameters(labels) for _, labels in planes])))
    looks = [look for image, labels in planes if labels.any() and (look := rule.look(image))]
    seen = Seen.of(looks, np.pi / 16 * size**2)
    found = likeness(examples, Camera(Imaging(), size, rule, seen) if imaging else None)
    assert found is not None, "there are objects"
    return found


def alarms(like: Likeness, groups: Sequence[Planes], snr: float | None) -> str:
    """Return of how many images something is far, and of how many what."""
    count, what = 0, Counter[str]()
    for seed, group in enumerate(groups):
        sizes, planes = [], []
        for image, labels in group:
            shown = image
            if snr is not None:
                movie = Movie(image[None], labels[None], np.zeros((0, 4), int), {})
                shown = movie.dimmed(snr, seed).pixels[0]
            planes.append(measured(shown, like.scale))
            sizes.append(diameters(labels[central(labels.shape)], uncut=True))
        found = np.concatenate(sizes)
        far = like.far(planes, float(np.median(found)) if len(found) >= 5 else None)
        count += bool(far)
        what.update({one.name for one in far})
    named = ", ".join(f"{name} {number}" for name, number in sorted(what.items()))
    return f"{count} of {len(groups)}" + (f" ({named})" if named else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctc", type=Path, help="folder of the challenge's training sets")
    parser.set_defaults(validation_seeds=False)
    options = parser.parse_args()
    heads = ["as they are" if snr is None else f"SNR {snr}" for snr in RATIOS]
    heads = ["trained on; images", "imaging", *heads]
    print(row(heads), row(["---"] * len(heads)), sep="\n")
    for name, planes, groups in kinds(options):
        for imaging in (False, True):
            like = trained(planes, imaging)
            cells = (alarms(like, groups, snr) for snr in RATIOS)
            print(row([name, "varied" if imaging else "as it is", *cells]), flush=True)


if __name__ == "__main__":
    main()
