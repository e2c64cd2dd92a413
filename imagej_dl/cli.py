"""The command line, made of the commands' declarations."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import click

from imagej_dl import commands, optional
from imagej_dl._version import __version__
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.filesystem.atomic import in_words

if TYPE_CHECKING:
    from imagej_dl.commands.base import Command


class _Commands(click.Group):
    """Lists the commands from a table and imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(commands.TABLE)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return _command(name) if name in commands.TABLE else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in commands.TABLE.items()])


class _Described(click.Command):
    """Lists what is given by its place, too, with its description, before the options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (parameter.metavar or "", parameter.text)
            for parameter in self.get_params(ctx)
            if isinstance(parameter, _Argument)
        ]
        if rows:
            with formatter.section("Arguments"):
                formatter.write_dl(rows)
        super().format_options(ctx, formatter)


class _Argument(click.Argument):
    """An argument with a description, which click's own have not."""

    def __init__(self, *args: Any, text: str, **kwargs: Any) -> None:
        self.text = text
        super().__init__(*args, **kwargs)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imagej-dl")
def cli() -> None:
    """From the ROIs you draw in Fiji to a TensorFlow model, predictions and tracks."""


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit code 2."""
    optional.process_is_ours = True
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", DataWarning)
    _heed_termination()
    try:
        # Not click's own mode, which would end Ctrl-C and our errors its own way.
        code = cli(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except UserError as error:
        _complain(str(error))
        code = 2
    except OSError as error:
        code = _refused(error)
    except MemoryError:
        _complain("there is not enough memory; try smaller tiles or images")
        code = 2
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        code = error.exit_code
    except (Cancelled, KeyboardInterrupt, click.Abort):
        code = _cancelled()
    except RuntimeError as error:
        # Ctrl-C ends Java at once; whoever waited for it learns it by this.
        if type(error).__name__ != "JVMNotRunning":
            raise
        code = _cancelled()
    _end(code if isinstance(code, int) else 0)


def _heed_termination() -> None:
    """Have SIGTERM stop a command as Ctrl-C does, so that what it started ends with it.

    Schedulers of clusters send it before they kill. What is ignored stays so.
    """
    with suppress(ValueError):  # not in the main thread
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.default_int_handler)


def _refused(error: OSError) -> int:
    """Report what the system refused: a file (too long a name, no permission) or our output."""
    if error.filename is not None:
        _complain(str(in_words(error)))
        return 2
    # What is left in the buffers would be tried again at the end of the process.
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1  # whoever read our output, such as head, has had enough
    _complain(f"the output cannot be written ({error.strerror or error})")
    return 2


def _complain(words: str) -> None:
    with suppress(OSError):  # stderr may be full, too
        click.echo(f"error: {words}", err=True)


def _cancelled() -> int:
    with suppress(OSError):
        click.echo("cancelled", err=True)
    return 130


def _end(code: int) -> None:
    """End the process; where Java runs in it, without waiting for Java's threads.

    One of them may want Python while it is being taken down, which aborts the process.
    """
    gateway = sys.modules.get("imagej_dl.fiji.gateway")
    if gateway is not None and gateway.is_ours():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _command(name: str) -> click.Command:
    declaration = commands.load(name)

    def callback(from_json: Path | None, **given: Any) -> None:
        from imagej_dl import progress

        values = declaration.read_json(from_json) if from_json else {}
        values |= {key: value for key, value in given.items() if value not in (None, ())}
        declaration.declare(values, from_json).run(progress.terminal())

    option = click.Option(
        ["--from-json"],
        type=click.Path(path_type=Path),
        help="Read the parameters from this JSON file; options on the command line take "
        "precedence.",
    )
    return _Described(
        name,
        callback=callback,
        params=[*(_parameter(declaration, name) for name in declaration.model_fields), option],
        help=declaration.__doc__,
        short_help=commands.TABLE[name].summary,
    )


def _parameter(declaration: type[Command], name: str) -> click.Parameter:
    """Make the click parameter of a declared field; the checking of values stays pydantic's."""
    field = declaration.model_fields[name]
    kind, many = _kind(field.annotation)
    if declaration.is_positional(name):
        # Not required here: the value may come from --from-json; pydantic asks for it.
        shown = name.upper() if field.is_required() else f"[{name.upper()}]"
        return _Argument(
            [name],
            text=field.description or "",
            type=kind,
            nargs=-1 if many else 1,
            required=False,
            metavar=f"{shown}..." if many else shown,
        )
    text = field.description or ""
    if field.is_required():
        text += "  [required]"
    elif field.default not in (None, False, "", []) and not field.default_factory:
        text += f"  [default: {field.default}]"
    dashed = name.replace("_", "-")
    if kind is click.BOOL:
        negative = "" if field.default is False else f"/--no-{dashed}"
        return click.Option([f"--{dashed}{negative}", name], default=None, is_flag=True, help=text)
    return click.Option([f"--{dashed}", name], type=kind, multiple=many, default=None, help=text)


def _kind(annotation: Any) -> tuple[click.ParamType, bool]:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return click.Choice([str(arg) for arg in args]), False
    if origin in (list, tuple):
        return _kind(args[0])[0], True
    if origin is Union or str(origin) == "<class 'types.UnionType'>":
        return _kind(next(arg for arg in args if arg is not type(None)))
    simple: dict[Any, click.ParamType] = {
        bool: click.BOOL,
        int: click.INT,
        float: click.FLOAT,
        Path: click.Path(path_type=Path),
    }
    return simple.get(annotation, click.STRING), False


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, DataWarning):
        with suppress(OSError):
            click.echo(f"warning: {message}", err=True)
