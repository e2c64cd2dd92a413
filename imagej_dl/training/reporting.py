"""Report a training: a line an epoch, a summary, log.csv and the plot of the loss."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from imagej_dl.training.checkpoint import COLUMNS, RESUMABLE, State
from imagej_dl.training.events import EpochEvent

_FEW = 20
"""Number of objects below which a score is mostly chance."""


def line(epoch: EpochEvent) -> str:
    """Format an epoch's scores and the remaining time as a line."""
    return (
        f"epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3g} val {epoch.val_loss:.3g} "
        f"Dice {epoch.val_dice:.3f}{' kept' if epoch.kept else ''}, {left(epoch.remaining)} left"
    )


def left(seconds: float) -> str:
    """Format a duration: "40 s", "12 min", "1 h 5 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def summary(out: Path, metrics: dict[str, Any]) -> str:
    """Format the result of a training in a few lines."""
    scores = metrics["validation"]
    dice = f"object Dice {scores['val_dice']:.3f}"
    if "started_from" in metrics:
        begun = metrics["started_from"]
        dice += f" (that of {begun['model']}, which it started from, {begun['val_dice']:.3f})"
    lines = [
        f"{out}: epoch {metrics['best_epoch']} of {metrics['epochs']} kept after "
        f"{metrics['seconds'] / 60:.1f} min (ended by: {metrics['ended']})",
        f"validation: {dice}, {_precision(scores)}",
    ]
    if "test" in metrics:
        lines.append(f"test: {_precision(metrics['test'])}")
    if metrics["ended"] in RESUMABLE:
        lines.append("--resume goes on from here.")
    return "\n".join(lines)


def _precision(scores: dict[str, Any]) -> str:
    if scores["ap_0.5"] is None:
        return "average precision – (no object is there, and none was found)"
    text = f"average precision {scores['ap_0.5']:.3f} at IoU .5, {scores['ap_0.7']:.3f} at .7"
    few = scores.get("objects", _FEW) < _FEW
    return text + (f" (of {scores['objects']} object(s): much of it is chance)" if few else "")


def write_log(state: State, path: Path) -> None:
    """Write log.csv, one row per epoch."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for row in state.rows:
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})


def draw(state: State, path: Path) -> None:
    """Plot losses and the object class's Dice over the epochs; the best epoch is marked."""
    # Not by pyplot, which would choose a window system and keep figures alive.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    epochs = [row["epoch"] for row in state.rows]
    axes.plot(epochs, [row["loss"] for row in state.rows], label="training loss")
    axes.plot(epochs, [row["val_loss"] for row in state.rows], label="validation loss")
    axes.axvline(state.best_epoch, color="0.6", linestyle=":", label="kept")
    axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    right = axes.twinx()
    right.plot(epochs, [row["val_dice"] for row in state.rows], "C2", label="validation Dice")
    right.set(ylabel="Dice of the object class", ylim=(0, 1))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right")
    figure.savefig(path, dpi=120)
