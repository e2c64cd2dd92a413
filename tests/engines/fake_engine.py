"""An engine made up for tests, with a runner of its own: it thresholds, or misbehaves as asked."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings
from imagej_dl.foreign.program import Program

RUNNER = Path(__file__).with_name("fake_runner.py")


class FakeSettings(EngineSettings):
    threshold: float = Field(10.0, description="Least intensity of an object.")
    diameter: float | None = Field(None, gt=0, description="Diameter in px; ignored.")
    misbehave: str = Field("", description="What the runner does wrong.")


class FakeTraining(EngineSettings):
    epochs: int = Field(2, ge=1, description="Epochs.")
    misbehave: str = Field("", description="What the runner does wrong.")


class Fake(Engine):
    name = "fake"
    label = "Fake"
    module = "json"  # which is always there
    homepage = "https://example.org"
    licence = "MIT"
    requirements = ("fake",)
    versions = ">=1,<3"
    gives: ClassVar[Literal["labels", "points", "image"]] = "labels"
    settings_model = FakeSettings
    training_model: ClassVar[type[EngineSettings]] = FakeTraining

    @property
    def program(self) -> Program:
        return Program(self.name, "Make one.", RUNNER, self.module)


class FakePoints(Fake):
    name = "fake-points"
    gives: ClassVar[Literal["labels", "points", "image"]] = "points"


class FakeImage(Fake):
    name = "fake-image"
    gives: ClassVar[Literal["labels", "points", "image"]] = "image"
    training_model = None
    channels = 1
