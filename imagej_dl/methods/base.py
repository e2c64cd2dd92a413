"""The interface of a method: what a model learns, and what its output becomes.

A method is a frozen pydantic model, as a network is: its fields are its settings, kept with the
model; all else about it is declared in class attributes and methods. Training, prediction, search,
dialogs and documentation know it through this interface alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from imagej_dl.methods.shared.publications import Publication

Output = Literal["softmax", "sigmoid", "linear", "relu"]
"""Activation of an output channel."""

SuiteTarget = Literal["", "mask", "categories", "contours"]

LearnsFrom = Literal["labels", "image", "itself"]
"""The ground truth: a label map, another image, or the image itself."""

FramesSeen = Literal["before", "around"]
"""The frames of a movie that a network of several sees beside the one that is predicted: those
before it, the first standing for what is before the first; or those nearest to it in time."""
Symmetries = Literal["all", "flips", "none"]
"""Ways in which patches may be turned: flips and quarter turns, flips alone, or not at all."""

Loss = Callable[..., Any]
"""(targets, outputs, weights=1) → number: (N, Y, X, channels) twice, (N, Y, X). Targets of values
may have other channels than outputs (`target_channels`)."""

Total = Callable[..., tuple[Any, ...]]
"""Sums tensors over the devices that share a batch. All that a loss sums over the batch goes
through it, so that the loss is that of the whole batch on each of them."""

Predictions = Sequence[tuple[NDArray, ...]]
"""The network's output (Y, X, channels) for some planes, and the ground truth of each: a label map
(Y, X), or for methods that learn an image that image (Y, X, C), normalised. Where not all of the
ground truth is known, a third array (Y, X) says where it is. Methods that learn from the image
itself have no ground truth, and are given no planes."""


class PostProcessing(BaseModel):
    """Settings of a method's post-processing, kept in config.json as `instances`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def least_area(self) -> int:
        """Return the area in px below which an object is dropped; 0 where none is."""
        return int(getattr(self, "minimum_area", 0))


@dataclass(frozen=True)
class Score:
    """A score by which trainings are compared; more is better.

    key : its name among :meth:`Method.measures` or :meth:`Method.scores`.
    words : what users read.
    per_pixel : whether it is one of the measures, which each epoch has anyway.
    """

    key: str
    words: str
    per_pixel: bool = False


@dataclass(frozen=True)
class Measure:
    """The measure of pixels that is told after each epoch, beside the loss.

    key : its name among :meth:`Method.measures`.
    short, words : in a line of text, and beside a plot.
    limits : between which a plot shows it; None to fit the values.
    """

    key: str
    short: str
    words: str
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Truth:
    """The ground truth of a patch.

    labels : label map (side + 2·margin, side + 2·margin).
    margin : px around the patch.
    contours : (side, side), where they are given beside the label map and the method takes them.
    image : float32 (side + 2·margin, side + 2·margin, C), for methods that learn an image; the
        image itself, unvaried, for those that learn from it.
    known : where the label map says what is there, bool (side + 2·margin, side + 2·margin); None
        everywhere. Elsewhere a label 0 says nothing, and pixels weigh 0 in the loss.
    vectors : float32 (2, side + 2·margin, side + 2·margin), along y and x: the patch's part of
        :meth:`Method.vectors` of the whole label map, turned as the patch is; None where they
        were not made.
    varied : whether the image is changed as no denoising may learn, so that a method of
        intensities and objects learns the objects alone.
    """

    labels: NDArray
    margin: int
    contours: NDArray | None = None
    image: NDArray[np.float32] | None = None
    known: NDArray[np.bool_] | None = None
    vectors: NDArray[np.float32] | None = None
    varied: bool = False

    def within(self, array: NDArray, margin: int = 0) -> NDArray:
        """Cut an array that has the margin down to one of `margin` px around the patch."""
        cut = self.margin - margin
        return array[cut : len(array) - cut, cut : array.shape[1] - cut]


class Method(BaseModel):
    """Base of all methods. The class attributes say how it is called and what it works with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str] = ""
    """Name, as `kind` in settings, macros and config.json; methods without one are abstract."""
    summary: ClassVar[str] = ""
    """Short description of the target for help texts, without a full stop."""
    position: ClassVar[int] = 100
    """Position in lists; methods of the same position are sorted by name."""
    publication: ClassVar[Publication | None] = None
    """To be cited where a model of the method is published."""

    gives: ClassVar[Literal["instances", "image"]]
    """The output of prediction: label map, ROIs and probability maps, or an image."""
    learns_from: ClassVar[LearnsFrom] = "labels"
    """The ground truth of a pair of files: a label map or an image. With "itself" there are no
    pairs: images alone are learnt from, at their own pixels, without interpolation."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Settings of a training that suit the method, by their names; they count where none are
    given."""
    takes_unlabelled: ClassVar[bool] = False
    """True if images without label map are learnt from, too; nothing of them is known then."""
    takes_contours: ClassVar[bool] = False
    """True if contour images beside a label map are part of the target."""
    frames_seen: ClassVar[FramesSeen] = "before"

    takes_frames: ClassVar[bool] = True
    """True if the network may see several frames of a movie at once."""

    takes_volumes: ClassVar[bool] = False
    """True if patches may be volumes. Their slices follow each other in the channels, those of the
    first slice first, of images, targets and outputs alike: (side, side, slices·C)."""
    target_kind: ClassVar[Literal["classes", "values"]] = "values"
    """The form of :meth:`targets`: a class of each pixel, or the values of all channels."""

    losses: ClassVar[tuple[str, ...]]
    """Names of the losses that can go with it; the first is the default."""
    weight_maps: ClassVar[tuple[str, ...]] = ("none",)
    """Names of the pixel weights that can go with it; the first is the default."""
    shown: ClassVar[Measure]
    """The measure that users see after each epoch."""
    selection: ClassVar[Score]
    """The score that a hyperparameter search maximises."""

    fluffy: ClassVar[bool] = False
    """True for the method of Fluffy's models with so many output channels."""
    suite_target: ClassVar[SuiteTarget] = ""
    """The target of microscopy-dl-suite-tf that it stands for."""

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...]:
        """Names of the output channels, in their order: `classes` in config.json."""

    @property
    def target_channels(self) -> int:
        """Number of channels of :meth:`targets`, where `target_kind` is "values"."""
        return len(self.channels)

    @property
    def intensities(self) -> int:
        """Number of output channels, the first, that are intensities beside what makes objects.

        Prediction gives them back in the intensities of the image.
        """
        return 0

    @property
    def labelled_share(self) -> float | None:
        """Share of the patches that are cut from labelled planes, where there are others, too.

        None where planes are drawn by their sizes alone.
        """
        return None

    @property
    def varied_share(self) -> float:
        """Share of the patches of labelled planes that teach objects alone (`Truth.varied`).

        Below 1 only where intensities of the image are learnt, too.
        """
        return 1.0

    @property
    def outputs(self) -> int:
        """Number of output channels of the network in training; see :meth:`deployed`."""
        return len(self.channels)

    @classmethod
    def completed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a training with what the method's own decide about the others.

        They are as given, not checked yet. For methods whose settings name a file, whose content
        the model keeps, or that cannot do with any normalisation.

        Raises
        ------
        ValueError : for settings that do not go together, or are missing.
        """
        return values

    def check_images(self, images: Iterable[NDArray[np.float32]]) -> None:
        """Look at planes that will be learnt from or predicted, (Y, X, C), normalised.

        Raises
        ------
        UserError : when they are not what the method's settings are for.
        """

    def deployed(self, network: Any) -> Any:
        """Return the network that is saved and predicts, made of the one that is trained.

        Its outputs are `channels`, its weights those of the trained one, in the same order. For
        methods that train by outputs that nobody wants to keep; others keep it as it is.
        """
        return network

    def is_in(self, network: Any) -> bool:
        """Return whether a deployed network was made with the settings of this method.

        Only of what the network itself holds; others have nothing to compare.
        """
        return True

    @property
    def margin(self) -> int:
        """Pixels around a patch on which its target depends."""
        return 0

    @property
    def symmetries(self) -> Symmetries:
        """Turns and mirrorings of patches that the method allows."""
        return "all"

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method; a network takes those that it has."""
        return {}

    def check_slices(self, slices: int | None) -> None:
        """Raise ValueError where patches of so many slices (None: planes) do not go with it."""
        if slices and not self.takes_volumes:
            raise ValueError(f"patch_slices: kind {self.name} learns planes: leave it out")

    def check_frames(self, frames: int) -> None:
        """Raise ValueError where a network that sees so many frames does not go with it."""
        if frames > 1 and not self.takes_frames:
            raise ValueError(f"frames: kind {self.name} learns each frame by itself")

    @property
    def flips_slices(self) -> bool:
        """True if the slices of a volume may be turned round."""
        return True

    def of_images(self, channels: int) -> dict[str, Any]:
        """Return the method's settings that follow from the channels of the training images."""
        return {}

    def activation(self, loss: str) -> Output | tuple[Output, ...] | None:
        """Return the last activation of the network, or one a channel.

        None leaves it to the network: sigmoid for one channel, else softmax.
        """
        return None

    @property
    def is_probability(self) -> bool:
        """True if all output channels are probabilities, from 0 to 1."""
        return True

    def vectors(self, labels: NDArray) -> NDArray[np.float32] | None:
        """Return directions that the targets are made of, which depend on whole objects.

        They are made once of each whole label map (Y, X): float32 (2, Y, X), steps along y and x.
        Patches are cut of them, turned and zoomed as images are; they keep their length. None, as
        for most methods, where targets need no such thing.
        """
        return None

    @abstractmethod
    def targets(self, truth: Truth) -> NDArray:
        """Return what the network is to give for a patch.

        Returns
        -------
        uint8 (side, side), the channel that is 1 (of a single channel: its value), where
        `target_kind` is "classes"; else float32 (side, side, target_channels).
        """

    def sample(
        self, image: NDArray[np.float32], truth: Truth, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray]:
        """Return the network's input (side, side, C) and the targets of a patch.

        For methods that change their input, as those with blind spots do; others keep it.
        """
        return image, self.targets(truth)

    def check_loss(self, loss: str, class_weights: Sequence[float] | None) -> None:
        """Raise ValueError where a loss, or the class weights, do not go with the method."""
        if loss not in self.losses:
            known = ", ".join(self.losses)
            raise ValueError(
                f"the loss {loss} is not available for kind {self.name}; known are {known}"
            )
        if class_weights is not None and len(class_weights) != len(self.channels):
            raise ValueError(
                f"{len(class_weights)} class weights for the {len(self.channels)} channels of "
                f"{self.name}"
            )

    def heeds_weights(self, loss: str) -> bool:
        """Return whether pixels of weight 0 count for nothing in a loss."""
        return True

    @abstractmethod
    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the loss of this name.

        Parameters
        ----------
        class_weights, dice : the training's settings of these names.
        total : sums over the devices that share a batch.
        """

    @abstractmethod
    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Count a batch, (N, Y, X, channels) both, for :meth:`measures`; batches are added up.

        Where `weights` (N, Y, X) are given, pixels that weigh 0 are not counted.
        """

    @abstractmethod
    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return the measures of all batches, which log.csv has beside the loss."""

    @abstractmethod
    def scores(self, predictions: Predictions, settings: PostProcessing) -> dict[str, float]:
        """Return the scores of whole planes after post-processing, NaN where there is none."""

    @abstractmethod
    def describe(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words; those that are None have no value."""

    def restored(
        self, output: NDArray[np.float32], quarter_turns: int, mirrored: bool
    ) -> NDArray[np.float32]:
        """Return the output for an image of the output for the image mirrored and turned.

        Parameters
        ----------
        output : (Y, X, channels), for the image after `image[:, ::-1]` if `mirrored`, then
            `numpy.rot90(image, quarter_turns)`. Methods whose channels depend on directions
            (rays, flows, offsets) bring these back, too.
        """
        back = np.rot90(output, -quarter_turns)
        return back[:, ::-1] if mirrored else back

    postprocessing: ClassVar[type[PostProcessing]] = PostProcessing

    def default_postprocessing(self) -> PostProcessing:
        """Return the settings of the post-processing, before any search."""
        return self.postprocessing()

    def start_postprocessing(
        self, before: PostProcessing | None, smallest: int, given: dict[str, Any]
    ) -> PostProcessing:
        """Return the settings of the post-processing that a search begins with.

        Parameters
        ----------
        before : of the model that a training starts from.
        smallest : area in px below which nothing in the training data is an object.
        given : what the user has decided.

        Raises
        ------
        ValueError : for a setting that the method's post-processing has not.
        """
        start = self.default_postprocessing() if before is None else before
        fields = self.postprocessing.model_fields
        if unknown := sorted(set(given) - set(fields)):
            raise ValueError(f"{', '.join(unknown)}: kind {self.name} has no such post-processing")
        if "minimum_area" in fields:
            # The new objects are few, those that the model knows may be smaller.
            least = smallest if before is None else min(smallest, before.least_area())
            given = {"minimum_area": least, **given}
        return start.model_copy(update=given)

    def search_space(self, start: PostProcessing) -> dict[str, list[Any]]:
        """Return the values of each post-processing setting that are tried, in this order."""
        return {}

    def class_probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the channels of an output (…, channels) that are probabilities of classes.

        Of several classes the second is the object, of one the only one is.
        """
        return output

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return what TensorBoard shows of outputs (N, Y, X, channels): each (N, Y, X, 1), 0…1."""
        return {name: outputs[..., i, None] for i, name in enumerate(self.channels)}
