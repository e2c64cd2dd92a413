"""How often an image is said to be unlike a training: of its own kind, and dimmed.

    python bench/unlike.py [--ctc FOLDER] [--ready]

No network is trained: what a training keeps of its images (likeness.json), without and with varied
imaging conditions, is compared with images of the same kind that it did not see, as they are and
dimmed to a signal-to-noise ratio as bench/other_movies.py does. Objects are those of the ground
truth. Prints a table in Markdown: how many of the images are far, and in what. With --ready they
are compared with what the ready model keeps, and images of other kinds are made of them, too:
inverted, with halos as in phase contrast, and as a relief.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import other_movies
import ready_models
from nuclei import DATA, truths
from numpy.typing import NDArray
from other_movies import Movie
from runs import row
from scipy import ndimage as ndi

from imagej_dl import images
from imagej_dl.images import Normalisation, Seen
from imagej_dl.images.intensities.likeness import Likeness, central, measured, read
from imagej_dl.models.ready import registry
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
        yield f"{name}; {other}", _frames(first), _groups(_frames(second))


def _each(planes: Planes) -> list[Planes]:
    return [[plane] for plane in planes if plane[1].any()]


def _groups(frames: Planes) -> list[Planes]:
    count = len(frames) // _AT_ONCE
    return [frames[i::count] for i in range(count)]


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


def inverted(image: NDArray) -> NDArray:
    """Return dark objects on bright."""
    return image.max() - image


def halos(image: NDArray) -> NDArray:
    """Return dark objects with a bright halo on grey, about as in phase contrast."""
    near, far = (ndi.gaussian_filter(image.astype(np.float32), sigma) for sigma in (1, 6))
    return _grey(far - near)


def relief(image: NDArray) -> NDArray:
    """Return objects lit from a side on grey, about as in differential interference contrast."""
    smooth = ndi.gaussian_filter(image.astype(np.float32), 1)
    return _grey(smooth - np.roll(smooth, (2, 2), (0, 1)))


def _grey(image: NDArray) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return np.clip(128 + image + noise, 0, 255).astype(np.uint8)


def shown(planes: Planes, how: Callable[[NDArray], NDArray]) -> Planes:
    return [(how(image), labels) for image, labels in planes]


def of_ready_model() -> None:
    """Print the table of the ready model."""
    like = read(registry.HOME / registry.DEFAULT)
    assert like is not None, "it comes with the model"
    ways = (inverted, halos, relief)
    heads = ["images", *("as they are" if snr is None else f"SNR {snr}" for snr in RATIOS)]
    heads += [way.__name__ for way in ways]
    print(row(heads), row(["---"] * len(heads)), sep="\n")
    _, validation = ready_models.divide(ready_models.SHARED / "dsb2018")
    pairs = [(images.read(image).values, images.read(mask).values) for image, mask in validation]
    nuclei = [(image.values, labels) for image, labels in truths(DATA / "train")]
    kinds_of = {"dsb2018, validation": _each(pairs), "nuclei/train": _each(nuclei)}
    options = argparse.Namespace(validation_seeds=False, ctc=None)
    for name, movie in other_movies.movies("real", 0, options):
        if "SNR" not in name:  # dimmed they are below
            kinds_of[name] = _groups(_frames(movie))
    for name, groups in kinds_of.items():
        cells = [alarms(like, groups, snr) for snr in RATIOS]
        cells += [alarms(like, [shown(one, way) for one in groups], None) for way in ways]
        print(row([name, *cells]), flush=True)


def alarms(like: Likeness, groups: Sequence[Planes], snr: float | None) -> str:
    """Return of how many images something is far, and of how many what."""
    count, what = 0, Counter[str]()
    for seed, group in enumerate(groups):
        sizes, planes = [], []
        for image, labels in group:
            seen = image
            if snr is not None:
                movie = Movie(image[None], labels[None], np.zeros((0, 4), int), {})
                seen = movie.dimmed(snr, seed).pixels[0]
            planes.append(measured(seen, like.scale))
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
    parser.add_argument("--ready", action="store_true", help="of the ready model alone")
    parser.set_defaults(validation_seeds=False)
    options = parser.parse_args()
    if options.ready:
        of_ready_model()
        return
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
