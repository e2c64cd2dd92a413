"""The card of a ready model: what it is for, what it learnt from, how good it is, its limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

FILE = "card.json"

Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Part):
    """Images that the model was trained on, or scored on."""

    name: Text
    source: Text = Field(description="By whom, and where it is to be had.")
    licence: Text
    images: int = Field(ge=1)
    objects: int = Field(ge=1)
    part: Text = Field(description="How these images were chosen.")


class Score(_Part):
    """Scores on images, pooled over their objects."""

    on: Text = Field(description="Images that were scored.")
    how: Text = Field(description="Deviations from a plain `imagej-dl predict`, or that.")
    images: int = Field(ge=1)
    objects: int = Field(ge=1)
    ap_50: Share = Field(description="Average precision TP / (TP + FP + FN) at IoU .5.")
    ap_75: Share
    ap_mean: Share = Field(description="Mean of the average precision over IoU .5, .6 … .9.")
    f1_50: Share
    pq_50: Share = Field(description="Panoptic quality at IoU .5.")


class Diameter(_Part):
    """Diameters of discs with the areas of the training objects, in px."""

    median: float = Field(gt=0)
    low: float = Field(gt=0, description="5 % of the objects are smaller.")
    high: float = Field(gt=0, description="5 % of the objects are larger.")


class Card(_Part):
    """Content of card.json; what the model's config.json says is not said again."""

    name: Text
    title: Text = Field(description="What the model finds, in a line.")
    version: int = Field(ge=1, description="Raised with each training that replaces it.")
    authors: Text
    licence: Text = Field(description="Of the model's weights.")
    data: Data
    validation: Data
    object_diameter: Diameter
    scores: list[Score] = Field(min_length=1)
    limits: list[Text] = Field(min_length=1)
    training: dict[str, Any] = Field(description="How long it was trained, and by what.")
    sha256: dict[str, str] = Field(description="Digests of the files model.keras and config.json.")

    def markdown(self) -> str:
        """Return the card as a section of a page."""
        size, data = self.object_diameter, self.data
        rows = [
            ("finds", self.title),
            ("objects", f"{size.median:.0f} px in diameter ({size.low:.0f} to {size.high:.0f})"),
            ("trained on", f"{data.name}, {data.source}: {_count(data)}; {data.part}"),
            ("licence of the data", data.licence),
            ("validated on", f"{_count(self.validation)}; {self.validation.part}"),
            ("training", ", ".join(f"{k}: {v}" for k, v in self.training.items())),
            ("licence of the model", self.licence),
            ("authors", self.authors),
            ("version", f"{self.version} (model.keras {self.sha256['model.keras'][:16]})"),
        ]
        table = ["| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in rows)]
        limits = [f"- {limit}" for limit in self.limits]
        return "\n".join(
            [f"### {self.name}", "", *table, "", *self._scores(), "", "Limits:", "", *limits, ""]
        )

    def _scores(self) -> list[str]:
        head = "| scored on | images (objects) | AP .5 | .75 | mean .5 to .9 | F1 .5 | PQ .5 |"
        rows = [
            f"| {s.on} ({s.how}) | {s.images} ({s.objects}) | "
            + " | ".join(_places(v) for v in (s.ap_50, s.ap_75, s.ap_mean, s.f1_50, s.pq_50))
            + " |"
            for s in self.scores
        ]
        return [head, "| --- " * 7 + "|", *rows]


def _places(value: float) -> str:
    return f"{value:.3f}".lstrip("0") or "0"


def _count(data: Data) -> str:
    return f"{data.images} images, {data.objects:,} objects"
