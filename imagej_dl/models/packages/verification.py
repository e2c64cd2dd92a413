"""The test tensors of a package: its network must give what its authors got."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl import preferences
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import locks, npz
from imagej_dl.filesystem.atomic import atomic, load_json
from imagej_dl.models.foreign import ForeignNetwork
from imagej_dl.models.packages.archive import Archive
from imagej_dl.models.packages.description import File, Tensor
from imagej_dl.models.packages.networks import disarranged
from imagej_dl.models.packages.operations import Operation, applied

TOLERANCE = 1e-3
"""Largest difference, of values above 1 as a share of them, as in the specification."""
_FEW = 1e-4
"""Share of the values that may differ by more: a threshold, or a rounding, turns some over."""
_KEPT = 500
_WAIT = 10.0


def tensor_of(archive: Archive, tensor: Tensor) -> NDArray[Any] | None:
    """Return a test tensor as (N, Y, X, C); None where the package has none that can be read."""
    if tensor.test_tensor is None or not tensor.test_tensor.source.lower().endswith(".npy"):
        return None
    data = contents(archive, tensor.test_tensor)
    try:
        values = npz.array(data)
    except ValueError as error:
        raise UserError(
            f"its test tensor {tensor.test_tensor.source} is damaged ({error})", path=archive.given
        ) from error
    return disarranged(values, tensor, archive.given)


def contents(archive: Archive, file: File) -> bytes:
    """Return the content of a file, compared with the digest that is declared.

    Raises
    ------
    UserError : when they differ.
    """
    data = archive.read(file.source)
    if file.sha256 is not None and hashlib.sha256(data).hexdigest() != file.sha256.lower():
        raise UserError(
            f"is damaged: the SHA-256 of {file.source} is not the one that is declared",
            path=archive.given,
            remedy="Download the package again.",
        )
    return data


def check(
    archive: Archive,
    tensors: tuple[Tensor, Tensor],
    network: ForeignNetwork,
    before: list[Operation],
    after: list[Operation],
) -> float | None:
    """Predict the test input; return the largest difference, None where there is no test.

    Parameters
    ----------
    tensors : input and output.
    before, after : operations on the input, and those on the output that are left.

    Raises
    ------
    UserError : when the result is another than the package holds.

    Warns
    -----
    DataWarning : where the package has no test tensors that can be read.
    """
    source = tensors[0]
    given, expected = (tensor_of(archive, one) for one in tensors)
    if given is None or expected is None:
        warn("has no test tensors, so its network could not be checked", path=archive.given)
        return None
    found = []
    for raw in given:
        window = applied(before, raw).astype(np.float32)[None]
        found.append(applied(after, network.run(window)[0], {source.id: raw}))
    values, wanted = np.stack(found).astype(np.float64), expected.astype(np.float64)
    if values.shape != wanted.shape:
        problem = f"gives {values.shape} for its test input, not {wanted.shape}"
        raise UserError(problem, path=archive.given, remedy=_REMEDY)
    differences = np.abs(values - wanted) / np.maximum(np.abs(wanted), 1)
    largest = float(differences.max())
    share = (differences > TOLERANCE).mean()
    if not share <= _FEW:
        raise UserError(
            f"gives another result for its test input than it holds (it differs by {largest:.3g} "
            f"on {100 * share:.3g} % of the values)",
            path=archive.given,
            remedy=_REMEDY,
        )
    return largest


_REMEDY = (
    "Download the package again; if it stays so, its weights and its description do not belong "
    "together: ask its authors."
)


def known(digest: str) -> bool:
    """Return whether a package of this digest has passed its check on this machine."""
    return digest in _kept()


def remember(digest: str) -> None:
    """Keep that a package of this digest has passed."""
    with locks.held(_path(), "the checked packages", wait=_WAIT):
        digests = [one for one in _kept() if one != digest][-_KEPT:]
        with atomic(_path()) as temporary:
            temporary.write_text(json.dumps([*digests, digest], indent=1) + "\n", encoding="utf-8")


def _path() -> Path:
    return preferences.path().with_name("packages.json")


def _kept() -> list[str]:
    path = _path()
    if not path.is_file():
        return []
    try:
        content = load_json(path)
    except UserError:
        return []  # a package is checked once more
    return [one for one in content if isinstance(one, str)] if isinstance(content, list) else []
