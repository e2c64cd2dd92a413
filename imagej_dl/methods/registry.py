"""The methods by their names, as settings, macros and config.json say them.

Each module in this folder that defines a named subclass of :class:`Method` adds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, LiteralString, cast

from pydantic import AfterValidator, ValidationError
from pydantic_core import PydanticCustomError

from imagej_dl import registries
from imagej_dl.methods.base import Method
from imagej_dl.validation import in_words

METHODS: dict[str, type[Method]] = registries.by_name(
    __package__, Method, order=lambda m: (m.position, m.name)
)
"""All methods, in the order of lists."""

DEFAULT = next(iter(METHODS))
"""The method of a training that names none."""

DENOISING = next(name for name, method in METHODS.items() if method.learns_from == "itself")
"""The method of a denoising that names none."""

if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[tuple(METHODS)]
"""The names, as choices of commands and dialogs."""


def expected(names: list[str]) -> LiteralString:
    """Return the message of a wrong name, in pydantic's words for a Literal."""
    quoted = [f"'{name}'" for name in names]
    return cast(LiteralString, f"Input should be {', '.join(quoted[:-1])} or {quoted[-1]}")


def _known(name: str) -> str:
    if name not in METHODS:
        raise PydanticCustomError("literal_error", expected(list(METHODS)))
    return name


KnownKind = Annotated[str, AfterValidator(_known)]
"""The name of a method that there is."""


def method(kind: str, settings: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Method:
    """Return a method with its settings.

    Parameters
    ----------
    settings : of a training or a model; those that the method has are taken.
    own : further settings of the method, which `settings` has no key for.

    Raises
    ------
    ValueError : for a setting that the method has not, or a wrong value.
    """
    declared = METHODS[kind]
    own = own or {}
    if both := sorted(set(own) & set(settings)):
        raise ValueError(f"{', '.join(both)}: is a setting of its own, not one of method_settings")
    shared = {name: settings[name] for name in declared.model_fields if name in settings}
    try:
        return declared.model_validate({**shared, **own})
    except ValidationError as error:
        words = in_words(error, declared.model_fields)
        raise ValueError(f"method_settings: {words}") from error


def summary(learns_from: str | None = None) -> str:
    """Return in one sentence what each method learns, or those that learn from such a truth."""
    found = [m for m in METHODS.values() if learns_from in (None, m.learns_from)]
    return "; ".join(f"{declared.name}: {declared.summary}" for declared in found) + "."


def losses() -> list[str]:
    """Return the names of all losses of all methods."""
    return list(dict.fromkeys(name for m in METHODS.values() for name in m.losses))


def weight_maps() -> list[str]:
    """Return the names of all pixel weights of all methods."""
    return list(dict.fromkeys(name for m in METHODS.values() for name in m.weight_maps))


def of_fluffy(channels: int) -> Method | None:
    """Return the method of Fluffy's models with so many output channels."""
    made = [declared() for declared in METHODS.values() if declared.fluffy]
    return next((one for one in made if len(one.channels) == channels), None)


def of_suite(target: Literal["mask", "categories", "contours"]) -> Method:
    """Return the method that stands for a target of microscopy-dl-suite-tf."""
    return next(m for m in METHODS.values() if m.suite_target == target)()
