"""Files that versions before a key was there can still read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer


def omitting_none(*names: str) -> Any:
    """Return the serialiser of a model that leaves out keys of later versions that are None."""

    def write(self: BaseModel, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        return {k: value for k, value in content.items() if value is not None or k not in names}

    return model_serializer(mode="wrap")(write)


def omitting(*names: str) -> Any:
    """Return the serialiser of a model that leaves out keys of later versions that say nothing.

    Earlier ones refuse keys that they do not know. A key says nothing where it is 0, False or
    empty.
    """

    def write(self: BaseModel, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        return {key: value for key, value in content.items() if value or key not in names}

    return model_serializer(mode="wrap")(write)
