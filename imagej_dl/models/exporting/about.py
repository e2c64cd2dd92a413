"""The names, the words and the licence of a package."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

from imagej_dl.errors import UserError, warn
from imagej_dl.models.ready.card import Card

_NAME = re.compile(r"[^A-Za-z0-9_+\- ()]+")
_LICENCE = re.compile(r"[A-Za-z0-9.+-]+")
_SHORTEST, _LONGEST = 5, 64
_SPDX = {"CC0": "CC0-1.0"}


class About(BaseModel):
    """The words of a package's authors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    authors: tuple[str, ...] = ()
    licence: str = ""
    citations: tuple[str, ...] = Field((), description="DOIs.")


def about(
    name: str,
    description: str,
    authors: tuple[str, ...],
    licence: str,
    citations: tuple[str, ...],
    card: Card | None,
) -> About:
    """Return what is given, the rest from the card of a ready model.

    Raises
    ------
    UserError : for a licence that is no SPDX identifier, and a citation that is no DOI.

    Warns
    -----
    DataWarning : where authors or licence are missing: the collection wants both.
    """
    if card is not None:
        authors = authors or (card.authors,)
        licence = licence or _SPDX.get(card.licence, card.licence)
    if licence and not _LICENCE.fullmatch(licence):
        raise UserError(
            f"licence: {licence!r} is no SPDX identifier", remedy="Name one such as CC-BY-4.0."
        )
    for one in citations:
        if not re.fullmatch(r"10\.\d{4,9}/\S+", one):
            raise UserError(
                f"citations: {one!r} is no DOI", remedy="Name DOIs, such as 10.1038/s41592-021-01."
            )
    missing = [word for word, value in (("authors", authors), ("licence", licence)) if not value]
    if missing:
        warn(
            f"the package names no {' and no '.join(missing)}, which BioImage.IO wants before it "
            "publishes a model",
            remedy=f"Name them with {' and '.join('--' + word for word in missing)}.",
        )
    return About(
        name=plain(name),
        description=description[:1024],
        authors=tuple(one.replace("/", "-") for one in authors),
        licence=licence,
        citations=citations,
    )


def plain(name: str) -> str:
    """Return a name with the letters that the specification allows, long enough for it."""
    found = re.sub(r"\s+", " ", _NAME.sub(" ", name)).strip()[:_LONGEST]
    return found if len(found) >= _SHORTEST else f"model {found}".strip()
