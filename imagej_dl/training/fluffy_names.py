"""Write a training's files under Fluffy's names (BBQuercus/fluffy), beside ours.

All begin with YYYYMMDD_NAME, NAME being that of the model's folder:

..._train_val.json, ..._test.json  the images of each part (Fluffy pickles them; we do not)
....csv                            the log of the epochs
....h5                             the network in Keras' older format, on request
..._search.db                      the trials of a search before it
.../                               the event files of TensorBoard
"""

from __future__ import annotations

import json
import shutil
import warnings
from datetime import date
from pathlib import Path
from typing import Any

from imagej_dl.filesystem.atomic import atomic, atomic_folder, load_json


def stem_of(folder: Path, day: date | None = None) -> str:
    """Return the prefix of the files: the day, by default today, and the folder's name."""
    return f"{day or date.today():%Y%m%d}_{folder.resolve().name}"


def write_names(folder: Path, storage: Path | None = None, day: date | None = None) -> list[Path]:
    """Write the split, log, search and event files of a finished training under Fluffy's names.

    Parameters
    ----------
    folder : the model's.
    storage : the SQLite file of a search before it, if there is one.

    Returns
    -------
    the written files; those of the same day and name are replaced.
    """
    stem = stem_of(folder, day)
    split = load_json(folder / "split.json")
    lists = {
        "train_val": {part: split.get(part, []) for part in ("train", "validation")},
        "test": split.get("test", []),
    }
    written = []
    for name, content in lists.items():
        written.append(folder / f"{stem}_{name}.json")
        with atomic(written[-1]) as path:
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    copies = [(folder / "log.csv", folder / f"{stem}.csv")]
    if storage is not None:
        copies.append((storage, folder / f"{stem}_search.db"))
    for source, target in copies:
        with atomic(target) as path:
            shutil.copyfile(source, path)
        written.append(target)
    if (folder / "tensorboard").is_dir():
        with atomic_folder(folder / stem, overwrite=True) as path:
            shutil.copytree(folder / "tensorboard", path, dirs_exist_ok=True)
        written.append(folder / stem)
    return written


def write_h5(model: Any, folder: Path, day: date | None = None) -> Path:
    """Write a Keras model as YYYYMMDD_NAME.h5 into its folder, replacing what is there."""
    target = folder / f"{stem_of(folder, day)}.h5"
    with atomic(target) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that the format is a legacy one
        model.save(path)
    return target
