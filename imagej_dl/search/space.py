"""The search space: the values that each hyperparameter may have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.training import Settings


class Space(BaseModel):
    """The values to choose among, the first of each being tried first; the defaults are Fluffy's.

    A setting with one value has just this value. Those of the training that are not here stay
    what the search is told, or their defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    optimizer: tuple[str, ...] = Field(
        default=("Adam", "RMSprop"), min_length=1, description="Optimizers."
    )
    learning_rate: tuple[float, ...] = Field(
        default=(1e-4, 1e-6, 1e-5, 1e-3, 1e-2, 1e-1),
        min_length=1,
        description="Highest learning rates.",
    )
    batch: tuple[int, ...] = Field(
        default=(16, 1, 2, 4, 8, 32), min_length=1, description="Batch sizes: patches per batch."
    )
    depth: tuple[int, ...] = Field(default=(4, 1, 2, 3, 5), min_length=1, description="Levels.")
    width: tuple[int, ...] = Field(
        default=(16, 1, 2, 4, 8), min_length=1, description="Filters of the first level."
    )
    last_width: tuple[int, ...] = Field(
        default=(16, 8, 32),
        min_length=1,
        description="Filters of the last convolutions before the output.",
    )

    @classmethod
    def read(cls, path: Path) -> Space:
        """Read a space from a JSON file; keys left out have Fluffy's values.

        Raises
        ------
        UserError : for what is no JSON, unknown keys, and values of the wrong type.
        """
        try:
            return cls.model_validate(load_json(path))
        except ValidationError as error:
            raise UserError.of_validation(error, cls.model_fields, "space", path=path) from error

    @property
    def values(self) -> dict[str, list[Any]]:
        """The values of each hyperparameter."""
        return {name: list(getattr(self, name)) for name in type(self).model_fields}

    @property
    def first(self) -> dict[str, Any]:
        """The values of the first trial."""
        return {name: values[0] for name, values in self.values.items()}

    def choose(self, trial: Any) -> dict[str, Any]:
        """Let a trial of Optuna's choose a value of each hyperparameter."""
        return {name: trial.suggest_categorical(name, own) for name, own in self.values.items()}

    def check(self, base: dict[str, Any]) -> None:
        """Raise UserError for a value that the training does not take with the `base` settings."""
        for name, values in self.values.items():
            for value in values:
                Settings.of({**base, name: value})
