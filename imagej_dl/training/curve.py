"""The picture of a training: loss.png."""

from __future__ import annotations

import csv
from pathlib import Path

from imagej_dl.training.checkpoint import COLUMNS, State


def write_log(state: State, path: Path) -> None:
    """Write log.csv, one row an epoch."""
    with path.open("w", newline="", encoding="utf-8") as file:
        more = [name for row in state.rows[:1] for name in row if name not in COLUMNS]
        writer = csv.DictWriter(file, [*COLUMNS, *more], restval="")
        writer.writeheader()
        for row in state.rows:
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})


def draw(state: State, path: Path) -> None:
    """Draw losses and the object class's Dice over the epochs; the best epoch is marked."""
    # The object-oriented way: pyplot would choose a window system, and keep figures alive.
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
