"""The JSON files of microscopy-dl-suite-tf (esgomezm/microscopy-dl-suite-tf, MIT), unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.validation import unknown


def _none(value: Any) -> Any:
    return None if value in ("None", "none", "") else value


def _flag(value: Any) -> Any:
    words = {"true": True, "1": True, "false": False, "0": False, "none": False}
    return words.get(str(value).strip().lower(), value)


Flag = Annotated[bool, BeforeValidator(_flag)]
"""true and false, as 0, 1, "True" or "False"."""
OptionalPath = Annotated[Path | None, BeforeValidator(_none)]
OptionalText = Annotated[str | None, BeforeValidator(_none)]
Seed = Annotated[Annotated[int, Field(ge=0, lt=2**32)] | None, BeforeValidator(_none)]
Count = Annotated[int, Field(ge=1)]


class SuiteConfig(BaseModel):
    """The keys, with the values of the suite's template where they are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    cnn_name: str
    OUTPUTPATH: Path
    TRAINPATH: OptionalPath = None
    VALPATH: OptionalPath = None
    TESTPATH: OptionalPath = None
    PATH2VIDEOS: OptionalPath = None

    model_n_filters: Count = 16
    model_pools: Count = 3
    model_kernel_size: tuple[int, int] = (3, 3)
    model_dilation_rate: Count = 2
    model_mobile_alpha: float = Field(0.35, gt=0)
    model_time_windows: Count = 5
    model_lr: float = Field(1e-4, gt=0, lt=1)
    model_dropout: float = Field(0.01, ge=0, lt=1)
    model_activation: str = "elu"
    model_last_activation: OptionalText = "tanh"
    model_padding: Literal["same", "valid"] = "same"
    model_kernel_initializer: str = "glorot_uniform"
    model_lossfunction: str = "sparse_cce"
    model_loss_tips: str = "L1L2"
    model_metrics: str | list[str] = "accuracy"
    model_train_decoder_only: Flag = False
    model_category_weights: list[float] = [1, 10]
    model_seed_initializer: Seed = None
    model_batch_norm: Flag = False

    train_seed_initializer: Seed = None
    train_max_epochs: Count = 100
    train_pretrained_weights: OptionalText = None
    train_load_from_frozen: Flag = False

    callbacks_save_best_only: Flag = False
    callbacks_save_freq: Count = 100
    callbacks_patience: Count = 2001
    callbacks_tb_update_freq: Count = 100

    datagen_type: str = "segmentation"
    datagen_tips_factor: float = 10
    datagen_sigma: float = 1
    datagen_patch_batch: Count = 1
    datagen_batch_size: Count = 2
    datagen_dim_size: tuple[Count, Count] = (512, 512)
    datagen_sampling_pdf: float = Field(500_000, gt=0)

    normalization: OptionalText = "PERCENTILE"
    newinfer_normalization: OptionalText = None
    newinfer_uneven_illumination: Flag = False
    newinfer_epoch_process_test: OptionalText = None
    newinfer_padding: tuple[int, int] | None = None
    newinfer_data: OptionalPath = None
    newinfer_output_folder_name: str = "newinfer_output"

    @property
    def architecture(self) -> str:
        """The network, found in `cnn_name` as the suite does; `unet_lstm` is found here too."""
        order = (
            "mobilenet_mobileunet_lstm",
            "mobilenet_mobileunet",
            "categorical_unet_transpose",
            "categorical_unet_fc_dil",
            "categorical_unet_fc",
            "categorical_unet",
            "unet_lstm",
        )
        return next((name for name in order if name in self.cnn_name), "unet_suite")

    @property
    def recurrent(self) -> bool:
        """True for a network that looks at several frames."""
        return self.architecture.endswith("lstm")


def read(path: Path) -> SuiteConfig:
    """Read a configuration file.

    Raises
    ------
    UserError : for what is no JSON, keys that are not known (with the one that is nearest), and
        values of another type, each named.
    """
    content = load_json(path)
    if not isinstance(content, dict):
        raise UserError("must hold one JSON object", path=path)
    if "cnn_name" not in content:
        raise UserError(
            "is not a configuration of microscopy-dl-suite-tf (it has no cnn_name)",
            path=path,
            remedy="For our own JSON: imagej-dl train --from-json FILE.",
        )
    known = SuiteConfig.model_fields
    if strange := [key for key in content if key not in known]:
        raise UserError("; ".join(f"{key}: {unknown(key, known)}" for key in strange), path=path)
    try:
        return SuiteConfig.model_validate(content)
    except ValidationError as error:
        remedy = _template(error.errors())
        raise UserError.of_validation(error, known, path=path, remedy=remedy) from error


def _template(errors: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a remedy: the template's values for the keys that are wrong."""
    fields = {str(e["loc"][0]): SuiteConfig.model_fields[str(e["loc"][0])] for e in errors}
    known = [f"{key} {_written(f.default)}" for key, f in fields.items() if not f.is_required()]
    return f"Known keys are {', '.join(known)}." if known else None


def _written(value: Any) -> str:
    value = list(value) if isinstance(value, tuple) else value
    return json.dumps("None" if value is None else value)
