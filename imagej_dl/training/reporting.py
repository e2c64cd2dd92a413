"""What a training says: each epoch while it runs, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imagej_dl.training.checkpoint import RESUMABLE
from imagej_dl.training.events import Epoch

_FEW = 20
"""Objects below which a score says little."""


def line(epoch: Epoch) -> str:
    """Say how good an epoch was, and how long the training still takes."""
    return (
        f"epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3g} val {epoch.val_loss:.3g} "
        f"Dice {epoch.val_dice:.3f}{' kept' if epoch.kept else ''}, {left(epoch.remaining)} left"
    )


def left(seconds: float) -> str:
    """Write a time as people say it: "40 s", "12 min", "1 h 5 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def summary(out: Path, metrics: dict[str, Any]) -> str:
    """Say in a few lines what came of a training."""
    found = metrics["validation"]
    dice = f"object Dice {found['val_dice']:.3f}"
    if "started_from" in metrics:
        begun = metrics["started_from"]
        dice += f" (that of {begun['model']}, which it started from, {begun['val_dice']:.3f})"
    lines = [
        f"{out}: epoch {metrics['best_epoch']} of {metrics['epochs']} kept after "
        f"{metrics['seconds'] / 60:.1f} min (ended by: {metrics['ended']})",
        f"validation: {dice}, {_precision(found)}",
    ]
    if "test" in metrics:
        lines.append(f"test: {_precision(metrics['test'])}")
    if metrics["ended"] in RESUMABLE:
        lines.append("--resume goes on from here.")
    return "\n".join(lines)


def _precision(found: dict[str, Any]) -> str:
    if found["ap_0.5"] is None:
        return "average precision – (no object is there, and none was found)"
    text = f"average precision {found['ap_0.5']:.3f} at IoU .5, {found['ap_0.7']:.3f} at .7"
    few = found.get("objects", _FEW) < _FEW
    return text + (f" (of {found['objects']} object(s): much of it is chance)" if few else "")
