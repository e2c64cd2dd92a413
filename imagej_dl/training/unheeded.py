"""Settings of a training that its kind, its network or its other settings make of no effect."""

from __future__ import annotations

from collections.abc import Iterable

from imagej_dl.errors import warn
from imagej_dl.methods.shared.losses import CLASS_WEIGHTED
from imagej_dl.methods.shared.pixel_weights import MAPS
from imagej_dl.models.networks import registry as networks
from imagej_dl.training.settings import Settings

_OF_NETWORK = ("depth", "width", "last_width", "dropout", "frames")


def warn_unheeded(given: Iterable[str], settings: Settings) -> None:
    """Warn of settings that were given and count for nothing.

    Parameters
    ----------
    given : the names of those that were given; what equals the default is left out.
    settings : all settings of the training.
    """
    fields = type(settings).model_fields
    known = set(fields)
    names = [name for name in given if name in known]
    defaults = {name: fields[name].get_default(call_default_factory=True) for name in names}
    chosen = [name for name in names if getattr(settings, name) != defaults[name]]
    for why, unheeded in reasons(settings).items():
        if wrong := [name for name in chosen if name in unheeded]:
            warn(f"{', '.join(wrong)}: without effect, {why}")


def reasons(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return why settings have no effect beside the others, and which these are."""
    method, takes = settings.method, networks.takes(settings.architecture)
    found: dict[str, tuple[str, ...]] = {
        f"as the network {settings.architecture} has no such argument": tuple(
            name for name in _OF_NETWORK if name not in takes
        ),
    }
    if "border_size" not in type(method).model_fields:
        found[f"as kind {settings.kind} has no border class"] = ("border_size",)
    if method.learns_from != "labels":
        names = ("foreground", "sampling_pdf", "contact_weight")
        found[f"as kind {settings.kind} learns no objects"] = names
    elif settings.weight_map != "contacts":
        found[f"as weight_map is {settings.weight_map}"] = ("contact_weight",)
    if settings.patch_slices:
        found["as patches are volumes"] = ("crowding",)
    elif settings.window > 1:
        found["as the network sees several frames"] = ("crowding",)
    elif settings.weight_map in MAPS:
        found["as weights are made of the whole label map"] = ("crowding",)
    if settings.loss not in CLASS_WEIGHTED:
        found[f"as the loss {settings.loss} weighs all classes alike"] = ("class_weights",)
    if settings.schedule != "plateau":
        found[f"as schedule is {settings.schedule}"] = ("plateau",)
    if settings.sampling_pdf is not None and method.learns_from == "labels":
        found["as sampling_pdf takes its place"] = ("foreground",)
    return found
