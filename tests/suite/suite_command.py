"""imagej-dl, called as from a shell; its errors are raised."""

from click.testing import CliRunner

from imagej_dl.cli import cli


def run(*arguments):
    result = CliRunner().invoke(cli, [str(a) for a in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output
