"""The report of a search: trials.csv, trials.png, trials.html and best.json."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

from imagej_dl.filesystem.atomic import atomic
from imagej_dl.optimization import Study, write_json, write_table
from imagej_dl.search.space import Space
from imagej_dl.training.settings import EARLIER, Settings

TABLE, PICTURE, PAGE, BEST = "trials.csv", "trials.png", "trials.html", "best.json"
_STATES = {"COMPLETE": "scored", "PRUNED": "ended early"}

OWN = (
    "kind",
    "architecture",
    "epochs",
    "minutes",
    "patience",
    "patch",
    "patch_slices",
    "batch",
    "learning_rate",
    "depth",
    "width",
    "validation",
    "test",
    "imaging",
    "crowding",
    "seed",
    "precision",
    "sparse",
)
"""Settings that are keys of `imagej-dl train` themselves; it takes the others under `settings`."""

_TRIALS_ONLY = {"epochs", "steps", "minutes", "patience"}


def train_keys(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as the keys of `imagej-dl train`."""
    own = {name: value for name, value in settings.items() if name in OWN}
    more = {name: value for name, value in settings.items() if name not in OWN}
    return {**own, "settings": more} if more else own


def best_keys(study: Study, settings: Settings) -> dict[str, Any]:
    """Return the keys of `imagej-dl train` that train as the best trial did, but for how long.

    Parameters
    ----------
    settings : those of the trials. Of them those that are not the defaults are given, and always
        kind and patch, which a model cannot be without.
    """
    base = settings.model_dump(mode="json", exclude_defaults=True)
    base |= {"kind": settings.kind, "patch": settings.patch}
    for name in EARLIER:
        if getattr(settings, name) != Settings.model_fields[name].default:
            base[name] = getattr(settings, name)  # 0 is left out where settings are written
    base = {name: value for name, value in base.items() if name not in _TRIALS_ONLY}
    return train_keys(base | dict(study.best().params))


def rows(study: Study) -> list[dict[str, Any]]:
    """Return one row for each trial that ended: score, settings, folds, seconds, note."""
    found = []
    for trial in study.trials("COMPLETE", "PRUNED"):
        attrs = trial.user_attrs
        folds = attrs.get("folds", [])
        score = trial.value if trial.value is not None else sum(folds) / max(len(folds), 1)
        found.append(
            {
                "trial": trial.number + 1,
                "state": _STATES[trial.state.name],
                "score": round(float(score), 5),
                **trial.params,
                "folds": " ".join(f"{value:.4f}" for value in folds),
                "seconds": round(attrs.get("ended", 0.0) - attrs.get("begun", 0.0), 1),
                "worker": " ".join(map(str, attrs.get("worker", ""))),
                "note": attrs.get("note", ""),
            }
        )
    return found


def write(study: Study, space: Space, out: Path, settings: Settings) -> None:
    """Write the report into the folder, replacing what is there; see :func:`best_keys`."""
    table = rows(study)
    if not table:
        return
    columns = write_table(table, out / TABLE)
    with atomic(out / PICTURE) as path:
        _draw(table, space.values, path)
    picture = base64.b64encode((out / PICTURE).read_bytes()).decode()
    with atomic(out / PAGE) as path:
        path.write_text(_page(table, columns, picture), encoding="utf-8")
    if study.trials("COMPLETE"):
        write_json(best_keys(study, settings), out / BEST)


def _draw(table: list[dict[str, Any]], values: dict[str, list[Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.5), layout="constrained")
    axes = figure.subplots(2, -(-(len(values) + 1) // 2)).ravel()
    best, highest = [], 0.0
    for row in table:
        highest = max(highest, row["score"] if row["state"] == "scored" else 0.0)
        best.append(highest)
    colours = ["tab:blue" if row["state"] == "scored" else "tab:orange" for row in table]
    axes[0].step([row["trial"] for row in table], best, where="post", color="0.6", label="best")
    axes[0].scatter([row["trial"] for row in table], [r["score"] for r in table], c=colours)
    axes[0].set(xlabel="trial", ylabel="score")
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle("blue: scored, orange: ended early")
    for name, axis in zip(values, axes[1:], strict=False):
        known = sorted(values[name])
        places = [known.index(row[name]) for row in table]
        axis.scatter(places, [row["score"] for row in table], c=colours)
        axis.set_xticks(range(len(known)), [str(value) for value in known])
        axis.set(xlabel=name.replace("_", " "), ylabel="score", xlim=(-0.5, len(known) - 0.5))
    for axis in axes:
        axis.set_ylim(0, 1)
        axis.grid(alpha=0.3)
    for axis in axes[len(values) + 1 :]:
        axis.remove()
    figure.savefig(path, dpi=90)


def _page(table: list[dict[str, Any]], columns: list[str], picture: str) -> str:
    order = sorted(table, key=lambda row: (row["state"] != "scored", -row["score"]))
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(row.get(c, '')))}</td>" for c in columns) + "</tr>"
        for row in order
    )
    head = "".join(f"<th>{html.escape(c.replace('_', ' '))}</th>" for c in columns)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Trials</title>'
        "<style>body{font:15px/1.4 system-ui,sans-serif;margin:2rem}table{border-collapse:"
        "collapse}td,th{padding:.2rem .6rem;border-bottom:1px solid #ddd;text-align:right}"
        "img{max-width:100%}</style></head><body><h1>Trials of the search, best first</h1>"
        f'<img alt="scores" src="data:image/png;base64,{picture}">'
        f"<table><tr>{head}</tr>{cells}</table></body></html>\n"
    )
