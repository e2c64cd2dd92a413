"""A map of settings under upper-case keys, as TrackMate has them."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict


class Map(BaseModel):
    """Base of all trackers' settings. Unknown keys, and numbers that are none, are refused."""

    model_config = ConfigDict(
        alias_generator=str.upper,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )

    def to_map(self) -> dict[str, Any]:
        """Return the settings map: its keys, whole; infinity as the word "Infinity"."""
        values = self.model_dump(by_alias=True)
        return {k: "Infinity" if v == math.inf else v for k, v in values.items()}
