"""After training: the search of the post-processing settings on labelled images."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from imagej_dl.evaluation import Matching, total
from imagej_dl.methods.base import Method, PostProcessing, Predictions
from imagej_dl.methods.shared.instance_method import InstanceMethod
from imagej_dl.progress import Progress, silent

_PIXELS = 1_500_000
_ROUNDS = 2
_GAIN = 0.02
"""Minimum gain to change a setting: smaller gains on a few images are often losses on the next."""
_OBJECTS = 2
"""With few objects, the gain must also exceed the share of this many objects in the score."""


def _mean(matched: Iterable[list[Matching]]) -> float:
    return float(np.mean([scores.average_precision for scores in total(matched)]))


def _gained(now: list[list[Matching]], then: list[list[Matching]], gain: float) -> bool:
    """Return whether settings are better by more than `gain`, and by half of it without any image.

    What one image alone decides is chance: on nuclei, a gain of .03 that was one image's of eight
    cost .03 on those of the test.
    """
    if not _mean(now) > _mean(then) + gain:
        return False
    if len(now) < 2:
        return True
    for left_out in range(len(now)):
        rest = [images[:left_out] + images[left_out + 1 :] for images in (now, then)]
        # Without an object there is no score, and nothing said against it.
        if _mean(rest[0]) <= _mean(rest[1]) + gain / 2:
            return False
    return True


def choose(
    predictions: Predictions,
    start: PostProcessing,
    method: Method,
    progress: Progress = silent,
    given: Collection[str] = (),
) -> tuple[PostProcessing, float]:
    """Change one setting after the other as long as the mean average precision grows by two
    hundredths, or by what two objects make of it, or more; and not by one image alone.

    Parameters
    ----------
    predictions : for labelled images; what is above 1.5 million pixels is left out.
    start : the settings to begin with; they stay when no other is better, or there is no object.
    method : of the model; where it makes no instances the settings stay.
    given : names of settings that stay as they are.

    Returns
    -------
    the settings, and their average precision, mean over the IoU thresholds .5 … .9.
    """
    if not isinstance(method, InstanceMethod):
        return start, float("nan")
    predictions = predictions[: some([pair[1].size for pair in predictions])]
    best, matched = start, method.matches(predictions, start)
    score = _mean(matched)
    objects = sum(len(np.setdiff1d(pair[1], 0)) for pair in predictions)
    if not objects:
        return best, score
    gain = max(_GAIN, _OBJECTS / objects)
    space = method.search_space(start)
    grid = {name: values for name, values in space.items() if name not in given}
    tried = {best: matched}
    done, most = 0, _ROUNDS * sum(map(len, grid.values()))
    for _ in range(_ROUNDS):
        before = best
        for name, values in grid.items():
            for value in values:
                progress("choosing", done, most)
                done += 1
                settings = best.model_copy(update={name: value})
                if settings not in tried:
                    tried[settings] = method.matches(predictions, settings)
                if _gained(tried[settings], tried[best], gain):
                    best = settings
        if best == before:
            break
    progress("choosing", most, most)
    return best, _mean(tried[best])


def some(sizes: Sequence[int]) -> int:
    """Return how many of the images, of so many pixels each, are used: at least one."""
    return max(1, int(np.searchsorted(np.cumsum(sizes), _PIXELS)))
