"""Options of a hyperparameter search that takes seconds."""

from __future__ import annotations

from typing import Any


def options() -> dict[str, Any]:
    """Return one trial of two folds, an epoch each, of the smallest network."""
    from imagej_dl.search import Space

    space = Space(
        optimizer=("Adam",),
        learning_rate=(1e-2,),
        batch=(2,),
        depth=(1,),
        width=(4,),
        last_width=(4,),
    )
    return {"trials": 1, "count": 2, "space": space, "epochs": 1, "steps": 4, "patch": 32}
