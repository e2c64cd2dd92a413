"""Fields that several models declare alike."""

from __future__ import annotations

from copy import copy
from typing import Any

from pydantic import BaseModel


def field_of(model: type[BaseModel], name: str) -> Any:
    """Declare a field as another model does: default, bounds, description, and what marks it."""
    return copy(model.model_fields[name])
