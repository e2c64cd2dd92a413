"""The models that the options of `imagej-dl predict` name: opened, checked, and on record."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from imagej_dl import preferences
from imagej_dl.commands import kept_models, unused
from imagej_dl.commands.base import say
from imagej_dl.commands.engine_options import refuse_settings
from imagej_dl.commands.predict_options import PredictOptions
from imagej_dl.distribution import registry as executors
from imagej_dl.errors import UserError
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models.packages.loading import described
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction import sampling
from imagej_dl.prediction.diameters import parsed
from imagej_dl.prediction.views import check as check_views
from imagej_dl.prediction.views import views

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle, ModelConfig


class ChosenModels(PredictOptions):
    """The options of a prediction, and the models that they choose."""

    def bundle(self) -> ModelBundle:
        from imagej_dl import models

        kept_models.used(self.chosen)
        bundle = models.load(self.chosen)
        if ready.is_name(self.model) or ready.name_of(self.chosen):
            say(f"with {ready.described(self.chosen)}")
        if self.weights is not None:
            from imagej_dl.models.foreign import ForeignNetwork
            from imagej_dl.models.pretrained import load_weights

            if isinstance(bundle.model, ForeignNetwork):
                raise UserError(
                    "weights: a package of BioImage.IO has its own alone",
                    path=self.chosen,
                    remedy="Leave them out.",
                )
            load_weights(bundle.model, self.weights)
        config = self._giving(bundle.config)
        if words := described(config):
            say(f"with {words}")
        return replace(bundle, config=self._post_processed(config))

    def config(self) -> ModelConfig:
        """Return the model's configuration, with the output that was asked for."""
        from imagej_dl import models

        return self._giving(models.load_config(self.chosen))

    def post_processed(self) -> ModelConfig:
        """Return the configuration with the output and the post-processing that were asked for."""
        return self._post_processed(self.config())

    def _giving(self, config: ModelConfig) -> ModelConfig:
        """Make what was asked for of the output of a package."""
        from imagej_dl.models.packages.config import PackageConfig

        if self.output == "auto":
            return config
        if not isinstance(config, PackageConfig):
            raise UserError(
                "output: is chosen for packages of BioImage.IO alone; the output of this model is "
                "known",
                path=self.chosen,
                remedy="Leave it out.",
            )
        try:
            return config.giving(self.output)
        except UserError as error:
            raise error.at(self.chosen) from error

    @cached_property
    def denoiser(self) -> ModelBundle | None:
        """The model that the image is denoised with first."""
        from imagej_dl import models

        if self.denoise is None:
            return None
        kept_models.used(self.denoise)
        return models.load(self.denoise)

    @cached_property
    def others(self) -> list[ModelBundle]:
        """The further models of the ensemble."""
        from imagej_dl import models

        return [models.load(folder) for folder in self.ensemble]

    def refuse_models(self, config: ModelConfig) -> None:
        """Raise UserError where the model cannot be used as asked for, before the first image."""
        from imagej_dl import models
        from imagej_dl.prediction.chain import check_chain
        from imagej_dl.prediction.ensemble import check
        from imagej_dl.prediction.object_scale import scalable

        refuse_settings(self)
        executors.check_workers(self.scheduler, self.workers)
        if self.diameter is not None:
            scalable(config, self.diameter, self.chosen)
        method = config.method
        self._refuse_other_results(method.gives)
        check_views(method, self.augment, self.chosen)
        other = isinstance(method, ImageMethod) and not method.keeps_intensities
        if other and self.type == "input":
            raise UserError(
                "type: the output of a package is not in the intensities of the image, so its "
                "pixels cannot be of the image's type",
                path=self.chosen,
                remedy="Leave it out.",
            )
        for folder in self.ensemble:
            check(config, models.load_config(folder), folder)
        if self.save_denoised and self.denoise is None:
            raise UserError(
                "there is no denoised image to be saved",
                remedy="Name the model that denoises with --denoise, or leave --save-denoised out.",
            )
        if self.denoise is not None:
            check_chain(models.load_config(self.denoise), self.denoise, config)
        if self.samples is not None:
            sampling.check(config, self.ensemble, self.chosen)

    def _refuse_other_results(self, gives: Literal["instances", "image"]) -> None:
        """Raise UserError for what is asked for of results that the model does not give."""
        if gives == "image":
            why = "are those of classes, and this model gives images"
            unused.refuse(self, ["probabilities"], why, path=self.chosen)
            unused.refuse(self, ["videos"], unused.NO_VIDEOS, path=self.chosen)
        else:
            why = "is that of images, and this model gives label maps"
            unused.refuse(self, ["type"], why, path=self.chosen)

    def _post_processed(self, config: ModelConfig) -> ModelConfig:
        """Change the post-processing to what was asked for."""
        asked = {"closing": self.closing, "minimum_area": self.minimum_area}
        asked |= {
            name: None if value == "model" else value == "yes"
            for name, value in (("fill_holes", self.fill_holes), ("drop_edge", self.drop_edge))
        }
        changed = {name: value for name, value in asked.items() if value is not None}
        if unknown := sorted(set(changed) - set(type(config.instances).model_fields)):
            raise UserError(
                f"{', '.join(unknown)}: models of kind {config.kind} have no such post-processing",
                path=self.chosen,
                remedy=f"Leave {' and '.join(unknown)} out.",
            )
        instances = config.instances.model_copy(update=changed)
        return config.model_copy(update={"instances": instances})

    def made(self) -> dict[str, Any]:
        """Return what results depend on: the model's fingerprint, and the settings."""
        from imagej_dl.correction.store import fingerprint
        from imagej_dl.images.labels.provenance import digest

        model = fingerprint(self.chosen)
        if self.weights is not None:
            model += f"+{digest(self.weights)}"
        # Tiles and batches change nothing.
        config = self._post_processed(self.config())
        how: dict[str, Any] = {"instances": config.instances.model_dump(mode="json")}
        given = {"halo": self.halo, "axes": self.axes, "scenes": self.scenes}
        if config.method.gives == "image" and self.type != "float32":
            given["type"] = self.type
        given["samples"] = self.samples
        precision = preferences.read().precision
        if config.method.gives == "instances" and precision != "float32":
            given["precision"] = precision
        given["output"] = None if self.output == "auto" else self.output
        given |= self._averaged_over()
        return {"model": model, "how": how | {k: v for k, v in given.items() if v is not None}}

    def _averaged_over(self) -> dict[str, Any]:
        """Return how the image is denoised and resampled, and what is averaged; None for what is
        not asked for.

        The order of the further models changes nothing.
        """
        from imagej_dl.correction.store import fingerprint

        return {
            "denoise": None if self.denoise is None else fingerprint(self.denoise),
            "diameter": None if self.diameter is None else str(parsed(self.diameter)),
            "augment": None if self.augment == "none" else self.augment,
            "ensemble": sorted(map(fingerprint, self.ensemble)) or None,
        }

    def price(self) -> str:
        """Return in words how many times the network is run, "" for once."""
        seen, models = len(views(self.augment)), 1 + len(self.ensemble)
        if seen * models == 1:
            return ""
        parts = [f"{seen} views"] * (seen > 1) + [f"{models} models"] * (models > 1)
        passes = seen * models
        return f"{passes} passes ({' × '.join(parts)}): about {passes} times as long as one"
