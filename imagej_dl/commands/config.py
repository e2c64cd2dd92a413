"""`imagej-dl config`: the configuration files of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.filesystem.atomic import atomic, refuse_existing, refuse_input
from imagej_dl.progress import Progress


class Config(Command):
    """Convert a configuration file of microscopy-dl-suite-tf.

    The result is for imagej-dl train --from-json FILE, or predict. (train and predict also read
    the suite's file directly.)
    """

    action: Annotated[Literal["convert"], Positional()] = Field(
        description="convert: write the equivalent file for imagej-dl."
    )
    source: Annotated[Path, Positional(), Shown(path="file")] = Field(
        description="The suite's CONFIG.json."
    )
    out: Annotated[Path | None, Shown(path="file")] = Field(
        None, description="The JSON file to write; if left out, it is printed."
    )
    command: Literal["train", "predict"] = Field(
        "train", description="The command that the file is for."
    )
    overwrite: bool = Field(False, description="Replace an existing file.")

    def run(self, progress: Progress) -> None:
        from imagej_dl import suite

        config = suite.read(self.source)
        of = suite.train_values if self.command == "train" else suite.predict_values
        text = json.dumps(of(config, elsewhere=True), indent=2)
        if self.out is None:
            say(text)
            return
        refuse_existing(self.out, self.overwrite)
        refuse_input(self.out, self.source)
        with atomic(self.out) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        say(f"{self.out}: for imagej-dl {self.command} --from-json")
