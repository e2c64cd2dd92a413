"""The settings of a training, with the defaults of the measured recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from imagej_dl.declarations import field_of
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.methods import registry
from imagej_dl.methods.base import Method
from imagej_dl.methods.registry import KnownKind
from imagej_dl.methods.shared.denoising_defaults import VOLUMES
from imagej_dl.models.networks import registry as networks
from imagej_dl.models.networks.base import Network
from imagej_dl.serialisation import omitting
from imagej_dl.training import augmentation as augment
from imagej_dl.training import conflicts
from imagej_dl.training.augmentation import Augmentation
from imagej_dl.training.imaging import Imaging

Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]
"""Numeric precision of a training, by the names of Keras' dtype policies."""

_SHARE = 0.5
EARLIER = {"imaging": 0.0, "crowding": 0.0}
"""Shares of the patches in trainings of versions that did not know them. Where settings are written
0 is left out, so that what is absent was 0."""


def _one_of(names: Callable[[], list[str]]) -> Callable[[str], str]:
    """Return a check that a value is one of the names that there are when it is made."""

    def check(value: str) -> str:
        known = names()
        if value not in known:
            raise PydanticCustomError("literal_error", registry.expected(known))
        return value

    return check


def _usual(attribute: Literal["losses", "weight_maps"]) -> str:
    return str(getattr(registry.METHODS[registry.DEFAULT], attribute)[0])


class Settings(BaseModel):
    """All settings of a training; bench/recipe.py measures the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: KnownKind = Field(default=registry.DEFAULT, description=registry.summary())
    architecture: networks.Name = Field(
        default="unet",
        description="The network: unet is Fluffy's; unet_suite and those with categorical, "
        "mobilenet or lstm are of microscopy-dl-suite-tf; those with lstm look at several frames "
        "of a video"
        f"{networks.summaries()}.",
    )
    network: dict[str, Any] = Field(
        default_factory=dict,
        description="Further arguments of the network, besides depth, width and dropout.",
    )
    frames: int = Field(
        default=5, ge=2, le=50, description="Frames that a recurrent network sees at once."
    )
    pretrained: str = Field(
        default="",
        description="Pretrained weights: a file (.weights.h5, .h5, .hdf5, .keras), or imagenet for "
        "the networks with a MobileNet; random if left out.",
    )
    epochs: int = Field(
        default=60, ge=1, le=10**6, description="Maximum number of epochs, of 50 batches each."
    )
    steps: int = Field(default=50, ge=1, le=10**6, description="Batches per epoch.")
    minutes: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Time limit of the training in minutes; the learning rate schedule is fitted "
        "to it. The post-processing search that follows is not included.",
    )
    patience: int = Field(
        default=20,
        ge=1,
        le=10**6,
        description="Epochs without improvement of the validation loss after which the training "
        "stops.",
    )
    patch: int = Field(
        default=128, ge=16, le=4096, description="Side length of the training patches in px."
    )
    patch_slices: int | None = Field(
        default=None,
        ge=2,
        le=256,
        description="Slices of the training patches, for kinds that denoise: patches are volumes, "
        "and Z-stacks are learnt and predicted by a 3-D network. If left out, plane by plane.",
    )
    batch: int = Field(
        default=8, ge=1, le=1024, description="Batch size: patches per training step."
    )
    per_image: int = Field(
        default=1, ge=1, le=1024, description="Patches of a batch that come from the same image."
    )
    optimizer: Literal["Adam", "RMSprop"] = Field(
        default="Adam", description="Optimizer, by its name in Keras."
    )
    learning_rate: float = Field(
        default=3e-3,
        gt=0,
        lt=1,
        description="Highest learning rate; if left out, that of the network.",
    )
    averaging: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="What is validated and kept is a moving average of the weights, which keeps "
        "this share of itself at each batch; 0: the weights themselves.",
    )
    schedule: Literal["cycle", "plateau"] = Field(
        default="cycle",
        description="cycle: the learning rate rises, then falls to almost zero; plateau: it is "
        "halved when the validation loss has not improved for `plateau` epochs.",
    )
    plateau: int = Field(
        default=10,
        ge=1,
        le=10**6,
        description="Epochs without improvement after which the learning rate is halved.",
    )
    depth: int = Field(
        default=3, ge=1, le=7, description="Levels of the U-Net; each one halves the resolution."
    )
    width: int = Field(
        default=16, ge=1, le=256, description="Filters in the first level of the U-Net."
    )
    last_width: int = Field(
        default=16, ge=1, le=256, description="Filters of the last convolutions before the output."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Dropout of the first level.")
    border_size: int = Field(
        default=2, ge=1, le=10, description="Half the width of the border class, in px."
    )
    method_settings: dict[str, Any] = Field(
        default_factory=dict, description="Further settings of the method, besides border_size."
    )
    validation: float = Field(
        default=0.2, gt=0, lt=1, description="Fraction of the images used for validation."
    )
    test: float = Field(
        default=0.1, ge=0, lt=1, description="Fraction of the images held out as test set."
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**32,
        description="Random seed of the split, the initial weights and the augmentation.",
    )
    seed_weights: int | None = Field(
        default=None,
        ge=0,
        lt=2**32,
        description="Random seed of the initial weights; if left out, `seed`.",
    )
    foreground: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="Fraction of the patches that are centred on an object.",
    )
    imaging: float = Field(
        default=_SHARE,
        ge=0,
        le=1,
        description="Share of the training patches that are shown as another movie might show "
        "them: dimmer and noisier, less sharp, on an uneven background; 0: none. For kinds that "
        "find objects.",
    )
    imaging_conditions: Imaging = Field(
        default_factory=Imaging, description="The range of the conditions that these show."
    )
    crowding: float = Field(
        default=_SHARE,
        ge=0,
        le=1,
        description="Share of the training patches in which objects are copied to beside others, "
        "so that more of them touch than in the images; 0: none. For kinds that find objects.",
    )
    sparse: bool = Field(
        default=False,
        description="Not every object is drawn: what is not drawn is unknown, and counts for "
        "nothing. ROIs named background mark where there is surely no object.",
    )
    sampling_pdf: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="How many times more often a pixel of an object is chosen as patch centre "
        "than a background pixel; replaces `foreground`.",
    )
    loss: Annotated[str, AfterValidator(_one_of(registry.losses))] = Field(
        default=_usual("losses"),
        description="Loss function: cross_entropy, or one of those of microscopy-dl-suite-tf.",
    )
    class_weights: tuple[float, ...] | None = Field(
        default=None, description="Class weights for categorical_cce and multiple_output."
    )
    weight_map: Annotated[str, AfterValidator(_one_of(registry.weight_maps))] = Field(
        default=_usual("weight_maps"),
        description="Pixel weights in the loss. contacts: higher between touching objects; unet: "
        "the weight map of the U-Net paper; contour: higher at outlines; none: all equal.",
    )
    contact_weight: float = Field(
        default=5.0,
        ge=0,
        allow_inf_nan=False,
        description="Additional weight of pixels between touching objects; other pixels weigh 1.",
    )
    dice: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Weight of the Dice loss, which is added to the cross-entropy.",
    )
    closing: int | None = Field(
        default=None,
        ge=0,
        le=50,
        description="Post-processing: radius of the morphological closing in px.",
    )
    fill_holes: bool | None = Field(
        default=None, description="Post-processing: fill holes in objects."
    )
    minimum_area: int | None = Field(
        default=None,
        ge=0,
        lt=2**63,
        description="Post-processing: smallest object to keep, in px (area).",
    )
    drop_edge: bool | None = Field(
        default=None,
        description="Post-processing: remove objects that touch the edge of the image.",
    )
    precision: Precision = Field(
        default="float32",
        description="mixed_float16, mixed_bfloat16: compute in half precision, which is faster "
        "on GPUs with tensor cores and slower on CPUs. The saved model is float32.",
    )
    log_every: int | None = Field(
        default=None,
        ge=1,
        le=10**9,
        description="Batches between two values logged to TensorBoard, in addition to one per "
        "epoch.",
    )
    augmentation: Augmentation = Field(default_factory=lambda: Augmentation.model_validate({}))
    normalisation: Normalisation = Field(default_factory=lambda: Normalisation.model_validate({}))

    @property
    def method(self) -> Method:
        """The method with its settings."""
        shared = {"border_size": self.border_size}
        return registry.method(self.kind, shared, self.method_settings)

    @property
    def varies_imaging(self) -> bool:
        """True if some patches are shown under other imaging conditions."""
        return self.imaging > 0 and self.finds_objects

    @property
    def finds_objects(self) -> bool:
        """True if some patches teach objects alone: else the noise of the image is learnt, too."""
        return self.method.learns_from == "labels" and self.method.varied_share > 0

    @property
    def window(self) -> int:
        """Frames that the network sees at once."""
        return self.built(1).window

    def built(self, channels: int) -> Network:
        """Return the network of these settings for images of so many channels.

        Raises
        ------
        UserError : for arguments that the network has not.
        """
        own = {
            "depth": self.depth,
            "width": self.width,
            "last_width": self.last_width,
            "dropout": self.dropout,
            "frames": self.frames,
            "patch_slices": self.patch_slices,
        }
        known = networks.takes(self.architecture)
        if self.patch_slices and "patch_slices" not in known:
            names = [name for name in networks.NETWORKS if "patch_slices" in networks.takes(name)]
            raise UserError(
                f"patch_slices: the network {self.architecture} is 2-D; 3-D is {', '.join(names)}"
            )
        arguments = {name: value for name, value in own.items() if name in known}
        method = self.method
        fixed: dict[str, Any] = {"channels": channels, "classes": method.outputs}
        if (activation := method.activation(self.loss)) is not None:
            fixed["output"] = activation
        suited = {name: value for name, value in method.network.items() if name in known}
        return networks.network(self.architecture, arguments | suited | self.network | fixed)

    def of_images(self, channels: int) -> Settings:
        """Return the settings for images of so many channels, which a method may depend on."""
        found = self.method.of_images(channels)
        if not found:
            return self
        return self.model_copy(update={"method_settings": {**self.method_settings, **found}})

    @property
    def postprocessing(self) -> dict[str, int | bool]:
        """Settings of the post-processing that are given, and so are not searched."""
        names = ("closing", "fill_holes", "minimum_area", "drop_edge")
        return {n: getattr(self, n) for n in names if getattr(self, n) is not None}

    @property
    def total_steps(self) -> int:
        """Batches of all epochs."""
        return self.epochs * self.steps

    @classmethod
    def of(cls, values: dict[str, Any]) -> Settings:
        """Build settings from keywords; a wrong one is a UserError that names it."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError.of_validation(error, cls.model_fields, "settings") from error

    @model_validator(mode="before")
    @classmethod
    def _what_is_declared(cls, values: Any) -> Any:
        """Take what method and network declare where nothing is given.

        Of the method these are loss, pixel weights and its defaults, of the network the learning
        rate.
        """
        if not isinstance(values, dict):
            return values
        method = registry.METHODS.get(str(values.get("kind", registry.DEFAULT)))
        if method is not None:
            given = values.get("augmentation", {})
            if method.learns_from == "itself" and isinstance(given, dict):
                values = {**values, "augmentation": {**augment.TURNED.model_dump(), **given}}
            if method.learns_from != "labels":  # of no effect, so that none is recorded
                shares = {n: v for n, v in EARLIER.items() if values.get(n, _SHARE) == _SHARE}
                values = {**values, **shares}
            first = {"loss": method.losses[0], "weight_map": method.weight_maps[0]}
            usual = method.defaults
            if values.get("patch_slices"):
                usual = {**usual, **VOLUMES}
            values = method.completed({**first, **usual, **values})
        network = networks.NETWORKS.get(str(values.get("architecture", networks.DEFAULT)))
        return values if network is None else {"learning_rate": network.learning_rate, **values}

    _later = omitting(
        "method_settings", "sparse", "averaging", "patch_slices", "imaging", "crowding"
    )

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        conflicts.check(self)
        return self


def setting(name: str) -> Any:
    """Declare a field of a command as the settings do: default, bounds and description."""
    return field_of(Settings, name)
