"""The folders and files that a configuration names: whether they are there."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.errors import UserError, warn
from imagej_dl.suite.config import SuiteConfig


def there(config: SuiteConfig, *keys: str) -> None:
    """Raise UserError for the first of these keys whose folder or table is not there."""
    for key in keys:
        path = getattr(config, key)
        if path is None or path.exists():
            continue
        optional = "" if key == "TRAINPATH" else ', or "None"'
        raise UserError(
            f"{key}: there is no such {'table' if key == 'PATH2VIDEOS' else 'folder'}",
            path=path,
            remedy=f"Correct the path in the configuration{optional}.",
        )


def pretrained(config: SuiteConfig) -> str | None:
    """Return the weights to begin with: a file, imagenet, or None for random ones."""
    fallback = "imagenet" if "mobilenet" in config.architecture else None
    if config.train_pretrained_weights is None:
        return fallback
    found = _file(config, config.train_pretrained_weights)
    if found is None:
        begins = "ImageNet's weights" if fallback else "random weights"
        warn(
            f"train_pretrained_weights: {config.train_pretrained_weights} is not there; training "
            f"starts with {begins}"
        )
        return fallback
    return str(found)


def inference_weights(config: SuiteConfig) -> str | None:
    """Return the file of weights to predict with, None for those of the model."""
    if config.newinfer_epoch_process_test is None:
        return None
    found = _file(config, config.newinfer_epoch_process_test)
    if found is None:
        warn(
            f"newinfer_epoch_process_test: {config.newinfer_epoch_process_test} is not there; the "
            f"best weights of {config.OUTPUTPATH} are used"
        )
    return str(found) if found else None


def _file(config: SuiteConfig, name: str) -> Path | None:
    """Find a file of weights: among the checkpoints, as the suite does, or by its path."""
    places = (config.OUTPUTPATH / "checkpoints" / name, Path(name))
    return next((path for path in places if path.is_file()), None)
