"""`imagej-dl tune-tracking`: find the settings of a tracker that score best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.progress import Progress
from imagej_dl.tracking.trackers import registry

if TYPE_CHECKING:
    from imagej_dl.evaluation.tuning_report import Tuned

    _TunableTracker = str
else:
    _TunableTracker = Literal[registry.tunable()]


class TuneTracking(Command):
    """Tune a tracker's settings against the ground truth.

    Tracks the first frames of a label movie many times and scores each result against ground
    truth of the Cell Tracking Challenge, such as `corrections` makes. The last frames are held
    out: they tell how good the best settings are on other data. Writes best.json (for `track
    --settings`), trials.csv and report.json. It may be stopped at any time, and continues with
    --resume. Needs Optuna: pip install imagej-dl[tune].
    """

    labels: Annotated[Path, Positional()] = Field(
        description="Label movie: a TIFF with frames, one id for each object."
    )
    truth: Annotated[Path, Shown(path="folder")] = Field(
        description="NN_GT of the Cell Tracking Challenge, or a folder with man_track.txt."
    )
    out: Annotated[Path, Shown(path="folder")] = Field(
        description="Folder for the trials and the best settings."
    )
    objective: Literal["TRA", "LNK", "CHOTA"] = Field(
        "TRA", description="The score to maximize: TRA, LNK (links alone) or CHOTA."
    )
    tracker: _TunableTracker = Field(
        registry.DEFAULT, description="The tracker, by its key, as in a settings file."
    )
    trials: int = Field(
        60,
        ge=1,
        le=10**6,
        description="Number of trials, those of a stopped tuning included.",
    )
    held_out: float = Field(
        0.3,
        ge=0,
        le=0.8,
        description="Share of the frames, the last ones, that are held out: the best settings "
        "and the defaults are scored on them at the end, and the better of both is kept. 0 tunes "
        "on all.",
    )
    ctc_gaps: Annotated[Literal["cut", "fill"], Shown(advanced=True)] = Field(
        "cut",
        description="Score gaps as `track --ctc-gaps` writes them: cut, which lowers the score, or "
        "filled with the missing object, which raises it.",
    )
    space: Annotated[Path | None, Shown(advanced=True)] = Field(
        None,
        description='JSON file of the settings to tune, {"LINKING_MAX_DISTANCE": [5, 40], '
        '"ALLOW_TRACK_SPLITTING": [true, false]}: two bounds or the values. Without it '
        "all that matter, distances from half to 4.5 times the radius of the objects, or to 1.5 "
        "times the measured linking distance.",
    )
    seed: Annotated[int, Shown(advanced=True)] = Field(
        0, ge=0, lt=2**31, description="Random seed of the search."
    )
    resume: bool = Field(False, description="Continue with the trials in the folder.")
    axes: Annotated[str | None, Shown(advanced=True)] = Field(
        None, description="Axes of the label file, such as TYX, if it does not declare them."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl import ctc, images, tracking
        from imagej_dl.evaluation import tuning

        movie = tracking.as_movie(images.read_labels(self.labels, self.axes), self.labels)
        truth = ctc.read_truth(self.truth)
        frames = len(truth.tracks.masks)
        if frames != movie.sizes["T"]:
            raise UserError(
                f"has {movie.sizes['T']} frames, the ground truth {self.truth} has {frames}",
                path=self.labels,
            )
        with locks.held(self.out, "a tuning"):
            tuned = tuning.tune(
                movie,
                truth,
                self.out,
                self.tracker,
                self.objective,
                self.trials,
                self._space(),
                self.seed,
                self.resume,
                progress,
                self.held_out,
                self.ctc_gaps,
            )
        self._report(tuned)

    def _report(self, tuned: Tuned) -> None:
        """Print the scores, and what is kept where the trials found nothing that holds."""
        before, after = (_text(one[self.objective]) for one in (tuned.default, tuned.best))
        say(
            f"{self.out / 'best.json'}: {self.objective} {after}, with the defaults "
            f"{before}; {tuned.trials} trials"
        )
        if tuned.lacks_defaults:
            say(
                "The space does not hold the tracker's defaults: what is called so has the values "
                "of the space that are nearest to them (report.json: default_settings)."
            )
        _report_divisions(tuned)
        held = tuned.held
        if held is None:
            return
        first, last = (number + 1 for number in held.frames)
        after, before = (_text(one.get(self.objective)) for one in (held.best, held.default))
        say(
            f"On frames {first} to {last}, not tuned on: {self.objective} {after}, with the "
            f"defaults {before}"
        )
        if tuned.keeps_defaults:
            say(
                "The defaults are better there, so best.json has the defaults; report.json has the "
                "settings that were best in the trials."
            )
        if held.prefers_auto(self.objective):
            assert held.auto is not None
            say(
                f"{registry.BY_MASKS}, which `track` uses without settings, is better still on "
                f"these frames: {self.objective} {_text(held.auto[self.objective])}. Track without "
                f"--settings, or tune it with --tracker {registry.BY_MASKS}."
            )

    def _space(self) -> dict[str, Any] | None:
        if self.space is None:
            return None
        from imagej_dl.evaluation import tuning_space

        space = load_json(self.space)
        if not isinstance(space, dict):
            raise UserError("must hold one JSON object", path=self.space)
        try:
            tuning_space.check(space, self.tracker)
        except UserError as error:
            raise error.at(self.space) from error
        return space


def _text(score: float | None) -> str:
    return "not defined" if score is None else f"{score:.4f}"


def _report_divisions(tuned: Tuned) -> None:
    """Print them: TRA counts few edges as divisions, and may rise while lineages become worse."""
    true = tuned.best.get("gt_divisions")
    if not true:
        return
    found, known = (one.get("tp_div(1)") or 0 for one in (tuned.best, tuned.default))
    wrong, usual = (one.get("fp_div(1)") or 0 for one in (tuned.best, tuned.default))
    say(
        f"Divisions: {found} of {true} and {wrong} false ones, with the defaults {known} and "
        f"{usual}"
    )
    if found < known and not tuned.keeps_defaults:
        say(
            'If lineages matter, tune with a --space that has "ALLOW_TRACK_SPLITTING": [true]; '
            "report.json has the one that was used."
        )
