"""`imagej-dl settings`: what holds for all commands on this machine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from imagej_dl import preferences
from imagej_dl.commands.base import Command, Shown, say
from imagej_dl.progress import Progress


class Settings(Command):
    """Set preferences of all commands on this machine.

    Without options, prints the current settings.
    """

    device: Literal["auto", "all", "cpu"] | None = Field(
        None,
        description="auto: the first GPU, if there is one; all: a training uses all GPUs of the "
        "machine; cpu: never a GPU.",
    )
    engine: Literal["auto", "tensorflow", "openvino"] | None = Field(
        None,
        description="Backend for prediction on the CPU; auto: OpenVINO where it is installed and "
        "soon ready for the network, else TensorFlow.",
    )
    precision: Literal["float32", "bfloat16"] | None = Field(
        None,
        description="Precision of prediction on the CPU, for models that find objects. bfloat16: "
        "faster on processors that have it (see `imagej-dl doctor`), but probabilities differ by "
        "some thousandths, and outlines by single pixels.",
    )
    tile: Annotated[int | None, Shown(unit="px")] = Field(
        None,
        ge=0,
        le=2**20,
        description="Largest side of a tile in prediction, in pixels, at least 64; 0: on the CPU "
        "as large as a quarter of the free memory allows, on a GPU 1024. Smaller tiles take less "
        "memory; the result is the same.",
    )
    preview: Annotated[float | None, Shown(unit="s")] = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="Minimum time between two previews of a training in ImageJ; 0: after each "
        "epoch.",
    )
    idle: Annotated[float | None, Shown(unit="s")] = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="Idle time after which the worker process of ImageJ ends and frees its memory.",
    )

    @field_validator("tile")
    @classmethod
    def _is_a_tile(cls, tile: int | None) -> int | None:
        if tile is not None and 0 < tile < 64:
            raise ValueError("a tile has a side of 64 px at least, or 0 for by the free memory")
        return tile

    @classmethod
    def holding(cls) -> dict[str, Any]:
        return preferences.read().model_dump()

    def run(self, progress: Progress) -> None:
        given = self.model_dump(exclude_none=True)
        kept = preferences.change(**given) if given else preferences.read()
        say("\n".join(f"{key}: {value}" for key, value in kept.model_dump().items()))
        say(f"saved in {preferences.path()}")
