"""`imagej-dl models`: the ready models, and their cards."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.progress import Progress


class Models(Command):
    """List the ready models, or print the card of one.

    They come with imagej-dl and are named in place of a model's folder: `imagej-dl predict nuclei
    IMAGES`, `imagej-dl train PROJECT --start nuclei`.
    """

    name: Annotated[str | None, Positional()] = Field(
        None, description="A ready model; its card says what it was trained on and how good it is."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl.models.ready import registry

        if self.name is not None:
            say(registry.card(self.name).markdown().rstrip())
            return
        for name in registry.names():
            card = registry.card(name)
            score = card.scores[0]
            say(
                f"{name}: {card.title}; {registry.nbytes(name) / 1e6:.1f} MB, licence "
                f"{card.licence}; average precision {score.ap_50:.2f} at IoU .5 on "
                f"{score.images} {score.on}"
            )
