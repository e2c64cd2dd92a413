"""Report a training: a line an epoch, a summary, log.csv and the plot of the loss."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from imagej_dl.methods import registry
from imagej_dl.methods.base import Method
from imagej_dl.training import denoising_report
from imagej_dl.training.checkpoint import COLUMNS, RESUMABLE, State
from imagej_dl.training.events import EpochEvent


def line(epoch: EpochEvent) -> str:
    """Format an epoch's scores and the remaining time as a line."""
    kind = registry.DEFAULT if epoch.bundle is None else epoch.bundle.config.kind
    shown = registry.METHODS[kind].shown
    value = epoch.measures.get(shown.key, epoch.val_dice)
    return (
        f"epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3g} val {epoch.val_loss:.3g} "
        f"{shown.short} {value:.3f}{' kept' if epoch.kept else ''}, {left(epoch.remaining)} left"
    )


def left(seconds: float) -> str:
    """Format a duration: "40 s", "12 min", "1 h 5 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def summary(out: Path, metrics: dict[str, Any], method: Method) -> str:
    """Format the result of the training of a method in a few lines."""
    scores = metrics["validation"]
    key = f"val_{method.shown.key}"
    measure = f"{method.shown.words} {scores[key]:.3f}"
    if "started_from" in metrics:
        begun = metrics["started_from"]
        measure += f" (that of {begun['model']}, which it started from, {begun[key]:.3f})"
    where = f" {metrics['validated']}" if "validated" in metrics else ""
    own = bool(where) and method.gives == "instances"
    lines = [
        f"{out}: epoch {metrics['best_epoch']} of {metrics['epochs']} kept after "
        f"{metrics['seconds'] / 60:.1f} min (ended by: {metrics['ended']})",
        f"validation{where}: {measure}, {method.describe(scores)}",
        *(["These figures say nothing of how good the model is on another image or movie."] * own),
    ]
    if (text := denoising_report.line(metrics)) is not None:
        lines.append(text)
    if "test" in metrics:
        lines.append(f"test: {method.describe(metrics['test'])}")
    if metrics["ended"] in RESUMABLE:
        lines.append("Pass --resume to continue from here.")
    return "\n".join(lines)


def write_log(state: State, path: Path) -> None:
    """Write log.csv, one row per epoch."""
    with path.open("w", newline="", encoding="utf-8") as file:
        more = [name for row in state.rows[:1] for name in row if name not in COLUMNS]
        writer = csv.DictWriter(file, [*COLUMNS, *more], restval="")
        writer.writeheader()
        for row in state.rows:
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})


def draw(state: State, path: Path) -> None:
    """Plot losses and the method's measure over the epochs; the best epoch is marked."""
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
    shown = registry.METHODS[state.settings.get("kind", registry.DEFAULT)].shown
    values = [row[f"val_{shown.key}"] for row in state.rows]
    right.plot(epochs, values, "C2", label=f"validation {shown.short}")
    right.set(ylabel=shown.words)
    if shown.limits is not None:
        right.set_ylim(*shown.limits)
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right")
    figure.savefig(path, dpi=120)
