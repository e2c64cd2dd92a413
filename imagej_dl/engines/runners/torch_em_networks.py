"""U-Nets of torch-em from their checkpoints, or from files that hold the network as an object.

Nothing is unpickled: the network is built anew by what the file says about it, and is given the
tensors of the file. Programs that are made with torch-em, such as SynapseNet, have such files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import checkpoints
import numpy as np
import torch
from serve import Refused, Values
from torch_em.model import AnisotropicUNet, UNet2d, UNet3d

PLANES, VOLUMES = (UNet2d,), (UNet3d, AnisotropicUNet)

# What a network is made of, as it is without words.
_PARTS = {
    "conv_block_impl": ("torch_em.model.unet.ConvBlock2d", "torch_em.model.unet.ConvBlock3d"),
    "pooler_impl": ("torch.nn.modules.pooling.MaxPool2d",),
    "sampler_impl": ("torch_em.model.unet.Upsampler2d",),
}

_models: dict[Any, Any] = {}


def device_of(gpu: bool) -> str:
    return "cuda" if gpu and torch.cuda.is_available() else "cpu"


def forget() -> None:
    """Leave out the networks that are kept, since one will no longer be as its file says."""
    _models.clear()


def load(path: str, device: str, *kinds: Any) -> Any:
    """Open a file, once, and build its network with its weights.

    Parameters
    ----------
    kinds : the classes of networks that are taken.

    Raises
    ------
    Refused : for a file of other things, and for a network that is not one of those.
    """
    if (path, device) not in _models:
        kind, described, state = _read(path)
        made = next((one for one in kinds if kind == f"{one.__module__}.{one.__name__}"), None)
        if made is None:
            names = " or ".join(one.__name__ for one in kinds)
            raise Refused(f"{path} is of the network {kind}, and {names} is predicted here")
        try:
            model = made(**_arguments(path, described))
            # A compiled network has another name before those of its tensors.
            model.load_state_dict(checkpoints.without_prefix(state, "_orig_mod."))
        except (RuntimeError, TypeError) as error:
            words = " ".join(str(error).split())[:200]
            raise Refused(f"the weights of {path} do not fit its network ({words})") from None
        _models[path, device] = model.to(device).eval()
    return _models[path, device]


def steps(model: Any) -> tuple[int, ...]:
    """Return what the sides of a block must be multiples of, (Z, Y, X) or (Y, X)."""
    axes = 2 if isinstance(model, PLANES) else 3
    factors = model.init_kwargs.get("scale_factors") or [[2] * axes] * model.depth
    return tuple(int(side) for side in np.prod([np.broadcast_to(one, axes) for one in factors], 0))


@contextmanager
def handed(model: Any) -> Iterator[None]:
    """Within it `torch.load` gives the network, to a program that would unpickle its file."""
    load = torch.load
    torch.load = lambda *args, **named: model
    try:
        yield
    finally:
        torch.load = load


def _read(path: str) -> tuple[str, Values, dict[str, Any]]:
    """Return the class of a network, the arguments that it was made with, and its tensors."""
    found = checkpoints.opened(path, inert=True)
    if isinstance(found, dict) and {"model_state", "init"} <= set(found):
        init = found["init"]
        return (
            str(init.get("model_class")),
            dict(init.get("model_kwargs", {})),
            found["model_state"],
        )
    described = found.held if isinstance(found, checkpoints.Inert) else None
    if not isinstance(described, dict) or "init_kwargs" not in described:
        raise Refused(f"{path} is no checkpoint of torch-em")
    return checkpoints.name_of(found), dict(described["init_kwargs"]), dict(_tensors(found, ""))


def _tensors(module: checkpoints.Inert, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the tensors of a module as its `state_dict` names them."""
    for kind in ("_parameters", "_buffers"):
        for name, tensor in module.held[kind].items():
            if tensor is not None:
                yield prefix + name, tensor
    for name, part in module.held["_modules"].items():
        if isinstance(part, checkpoints.Inert):
            yield from _tensors(part, f"{prefix}{name}.")


def _arguments(path: str, described: Values) -> Values:
    """Return the arguments of a network; refuse parts that the file brings along."""
    arguments = dict(described)
    for key, usual in _PARTS.items():
        part = checkpoints.name_of(arguments.pop(key, None))
        if part and part not in usual:
            raise Refused(f"{path} has a network with {part}, which is not predicted here")
    for key, value in arguments.items():
        if isinstance(value, (checkpoints.Inert, type)):
            raise Refused(f"{path} has a network with a {key} that is not predicted here")
    if arguments.get("return_side_outputs"):
        raise Refused(f"{path} has a network with side outputs, which is not predicted here")
    return arguments
