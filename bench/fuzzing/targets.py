"""What is fuzzed: by its name a reader, the seeds that it is given, and the mutations that fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzzing import mutations as m


@dataclass(frozen=True)
class Target:
    """`read` is given a changed copy of a seed; of a folder one of the `inner` files is changed."""

    read: Callable[[Path], Any]
    seeds: tuple[str, ...]
    mutations: tuple[m.Mutation, ...]
    inner: tuple[str, ...] = ()


def _image(path: Path) -> Any:
    from imagej_dl import images

    images.scenes_of(path)
    return images.read(path)


def _labels(path: Path) -> Any:
    from imagej_dl import images

    return images.read_labels(path)


def _rois(path: Path) -> Any:
    import numpy as np

    from imagej_dl import images, rois

    found = rois.read(path)
    if all(roi.kind == "point" for roi in found):
        return found
    return rois.label_map(found, images.make(np.zeros((32, 32), np.uint8)), lines_as_areas=True)


def _names(path: Path) -> Any:
    from imagej_dl import rois

    return rois.read_names(path)


def _trackmate(path: Path) -> Any:
    from imagej_dl import tracking
    from imagej_dl.tracking import corrections

    corrections.correct(tracking.read_trackmate(path))
    return tracking.read_settings(path)


def _settings(path: Path) -> Any:
    from imagej_dl import tracking

    return tracking.read_settings(path)


def _result(path: Path) -> Any:
    from imagej_dl.tracking.corrections import automatic_result

    return automatic_result.manner(path, automatic_result.read(path))


def _table(path: Path) -> Any:
    from imagej_dl import ctc

    return ctc.read_tracks(path)


def _suite(path: Path) -> Any:
    from imagej_dl import suite

    config = suite.read(path)
    suite.predict_values(config, elsewhere=True)
    return suite.train_values(config, elsewhere=True)


def _videos(path: Path) -> Any:
    from imagej_dl import suite

    return suite.read_relation(path)


def _space(path: Path) -> Any:
    from imagej_dl.search.space import Space

    return Space.read(path)


def _declared(path: Path) -> Any:
    """As --from-json, and as the values that ImageJ sends to the worker."""
    from imagej_dl import commands
    from imagej_dl.worker.run import plan

    name = path.stem.partition("_")[2]
    declaration = commands.load(name)
    values = declaration.read_json(path)
    plan(name if name in commands.TABLE else "train", values)
    return declaration.declare(values, path)


def _tuning(path: Path) -> Any:
    from imagej_dl.evaluation import tuning_space
    from imagej_dl.filesystem.atomic import load_json

    found = load_json(path)
    return tuning_space.check(found, "SPARSE_LAP_TRACKER") if isinstance(found, dict) else None


def _preferences(path: Path) -> Any:
    import os

    from imagej_dl import preferences

    os.environ["IMAGEJ_DL_HOME"] = str(path.parent)
    return preferences.read()


def _book(path: Path) -> Any:
    from imagej_dl.correction.store import _read

    return _read(path)


def _config(path: Path) -> Any:
    from imagej_dl.models.folder import load_config

    return load_config(path)


def _keras(path: Path) -> Any:
    from imagej_dl.models import trust

    return trust.check_parts(path)


def _weights(path: Path) -> Any:
    from imagej_dl.models import suite_weights

    return suite_weights.read(path)


def _state(path: Path) -> Any:
    from imagej_dl.training import checkpoint

    return checkpoint.parse(checkpoint.load(path))


_TIFFS = ("imagej.tif", "lzw.tif", "zlib_tiles.tif", "big.tif", "pages.tif", "rgb.tif")
_KINDS = ("rectangle", "oval", "polygon", "freehand", "traced", "polyline", "line", "point",
          "composite")  # fmt: skip
_FROM = tuple(
    f"from_{c}.json" for c in ("train", "predict", "labels", "track", "evaluate", "prepare")
)

TARGETS: dict[str, Target] = {
    "tiff": Target(_image, _TIFFS, m.TIFF),
    "ome": Target(_image, ("a.ome.tif",), m.OME),
    "stk": Target(_image, ("m.stk",), m.TIFF),
    "czi": Target(_image, ("a.czi",), m.OME),
    "picture": Target(_image, ("grey.png", "grey.jpg", "palette.png", "c.png"), m.BYTES),
    "labels": Target(_labels, ("labels.tif",), m.TIFF),
    "roi": Target(_rois, tuple(f"{kind}.roi" for kind in _KINDS), m.BYTES),
    "roiset": Target(_rois, ("RoiSet.zip", "stored.zip"), m.ZIP),
    "names": Target(_names, ("names.csv",), m.TABLE),
    "trackmate": Target(_trackmate, ("tracks.xml",), m.XML),
    "trackmate-settings": Target(_settings, ("tracks.xml",), m.XML),
    "tracker": Target(_settings, ("tracker.json", "btrack.json"), m.JSON),
    "result": Target(_result, ("result",), m.TABLE, ("spots.csv", "edges.csv")),
    "result-settings": Target(_result, ("result",), m.JSON, ("settings.json",)),
    "tracks": Target(_table, ("res_track.txt", "man_track.txt"), m.TABLE),
    "suite": Target(_suite, ("suite.json",), m.JSON),
    "videos": Target(_videos, ("videos.csv",), m.TABLE),
    "space": Target(_space, ("space.json",), m.JSON),
    "tuning": Target(_tuning, ("tuning.json",), m.JSON),
    "declared": Target(_declared, _FROM, m.JSON),
    "preferences": Target(_preferences, ("settings.json",), m.JSON),
    "corrections": Target(_book, ("state.json",), m.JSON),
    "config": Target(_config, ("model",), m.JSON, ("config.json",)),
    "keras": Target(_keras, ("model.keras",), m.ZIP),
    "weights": Target(_weights, ("suite.hdf5",), (*m.BYTES, m.number, m.number)),
    "state": Target(_state, ("training",), m.ZIP, ("last.npz",)),
}
