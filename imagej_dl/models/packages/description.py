"""The declaration of a package (rdf.yaml): tensors with their axes, processing, and weights.

Of the specification 0.5 that part is read which prediction needs. Descriptions of version 0.4 are
brought into its form first, see :mod:`.version_0_4`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imagej_dl import optional
from imagej_dl.errors import UserError, first_line
from imagej_dl.models.packages import version_0_4
from imagej_dl.models.packages.archive import Archive
from imagej_dl.models.packages.known_operations import operation
from imagej_dl.models.packages.operations import Operation

INSTALL = "Install what packages need: pip install 'imagej-dl[bioimageio]'."
_LARGEST = 2**20
_SIDE = 2**16
Side = Annotated[int, Field(gt=0, le=_SIDE)]


class _Part(BaseModel):
    # Descriptions say more than prediction needs, and newer ones more than is known here.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Sizes(_Part):
    """The sizes that an axis may have: min, min + step, min + 2·step …"""

    min: Side
    step: Side

    def fitting(self, length: int, most: int) -> int:
        """Return the smallest of them that holds a length; where that is above `most` the largest
        that is not, or `min`.
        """
        number = max(-((self.min - length) // self.step), 0)
        if self.min + number * self.step > most:
            number = max((most - self.min) // self.step, 0)
        return self.min + number * self.step


class SizeOf(_Part):
    """The size of another tensor's axis, and what is added to it."""

    tensor_id: str
    axis_id: str
    offset: int = 0


class Axis(_Part):
    """An axis of a tensor."""

    type: Literal["batch", "channel", "index", "time", "space"]
    id: str = ""
    size: Side | Sizes | SizeOf | None = None
    channel_names: tuple[str, ...] | str = ()
    halo: int = Field(0, ge=0, le=_SIDE)
    scale: float = Field(1.0, gt=0, allow_inf_nan=False)
    unit: str | None = None

    @property
    def letter(self) -> str:
        """The axis as NumPy users call it: b, c, z, y, x, t, i."""
        if self.type == "space":
            return self.id or "x"  # the specification's usual id of an axis in space
        return self.type[0]


def _file(value: Any) -> Any:
    """Read a file that is named without a digest like one with it."""
    return {"source": value} if isinstance(value, str) else value


class File(_Part):
    """A file of the package."""

    source: str = Field(max_length=1000)
    sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$")


class Processing(_Part):
    """An operation with its arguments, not checked yet."""

    id: str = Field(max_length=200)
    kwargs: dict[str, Any] = {}

    @property
    def operation(self) -> Operation:
        """The operation, with arguments that are checked."""
        return operation(self.id, self.kwargs)


def _first(value: Any) -> Any:
    """Take what tells most of the data of a tensor whose channels are described one by one."""
    return value[0] if isinstance(value, list) and value else value


class Data(_Part):
    """The values of a tensor."""

    type: str = "float32"
    range: tuple[float | None, float | None] = (None, None)


class Tensor(_Part):
    """An input or output tensor."""

    id: str = Field(max_length=200)
    description: str = ""
    axes: tuple[Axis, ...]
    data: Annotated[Data, BeforeValidator(_first)] = Data()
    test_tensor: Annotated[File | None, BeforeValidator(_file)] = None
    preprocessing: tuple[Processing, ...] = ()
    postprocessing: tuple[Processing, ...] = ()

    def axis(self, letter: str) -> Axis | None:
        """Return the axis of a letter; None where the tensor has it not."""
        return next((one for one in self.axes if one.letter == letter), None)

    @property
    def channels(self) -> int:
        """The number of channels."""
        axis = self.axis("c")
        if axis is None:
            return 1
        if isinstance(axis.size, int):
            return axis.size
        return 1 if isinstance(axis.channel_names, str) else max(len(axis.channel_names), 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels."""
        axis, count = self.axis("c"), self.channels
        given = axis.channel_names if axis is not None else ()
        if isinstance(given, tuple) and len(given) == count:
            return given
        return tuple(f"{self.id} {i + 1}" for i in range(count)) if count > 1 else (self.id,)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations on the tensor."""
        return tuple(one.operation for one in (*self.preprocessing, *self.postprocessing))


class Weights(File):
    """The weights of one format."""

    external_data: Any = None


class Description(_Part):
    """Content of rdf.yaml, as far as prediction needs it."""

    name: str = Field(max_length=1000)
    type: Literal["model"]
    version: str | int | float | None = None
    inputs: tuple[Tensor, ...] = Field(min_length=1, max_length=100)
    outputs: tuple[Tensor, ...] = Field(min_length=1, max_length=100)
    weights: dict[str, Weights | None]
    config: dict[str, Any] = {}

    @property
    def own(self) -> Any:
        """The configuration that imagej-dl has written into its own packages, not checked yet."""
        config = self.config.get("imagej_dl")
        return config.get("model") if isinstance(config, dict) else None


def read(archive: Archive) -> Description:
    """Read the description of a package.

    Raises
    ------
    UserError : when it is missing, no YAML, of an unknown version, or not that of a model.
    """
    name = archive.description
    path = archive.given
    content = _yaml(archive.read(name, _LARGEST), path, name)
    if not isinstance(content, dict):
        raise UserError(f"its {name} describes nothing", path=path)
    if content.get("type") != "model":
        raise UserError(
            f"is a package of type {str(content.get('type'))[:40]}, not of a model",
            path=path,
            remedy="Name the package of a model.",
        )
    version = str(content.get("format_version"))
    try:
        if re.fullmatch(r"0\.4(\.\d+)?", version):
            content = version_0_4.converted(content)
        elif not re.fullmatch(r"0\.5(\.\d+)?", version):
            raise UserError(
                f"is of version {version[:40]} of the specification; imagej-dl reads 0.4 and 0.5",
                remedy="Download the package again from bioimage.io, which has newer versions.",
            )
        return Description.model_validate(content)
    except ValidationError as error:
        raise UserError.of_validation(
            error, Description.model_fields, prefix=f"its {name} is wrong: ", path=path
        ) from error
    except UserError as error:
        raise error.at(path) from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UserError(f"its {name} is wrong ({first_line(error)})", path=path) from error


def _yaml(data: bytes, path: Path, name: str) -> Any:
    yaml = optional.need("yaml", "PyYAML, which reads packages of BioImage.IO,", INSTALL)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(data.decode("utf-8"), Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise UserError(
            f"its {name} is not YAML ({first_line(error)})",
            path=path,
            remedy="Download the package again.",
        ) from error
