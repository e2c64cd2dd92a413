"""Let a command of imagej-dl's, or its worker, run in a process that has imported TensorFlow.

Python imports this module at its start, in all processes below a test (see `forking`). It says to
the one that forks what this process is to do, hands over its streams and its signals, and ends as
the other ends. Whatever is in the way, this process does its work itself.
"""

import contextlib
import os
import sys

ADDRESS = "IMAGEJ_DL_TESTS_FORK"
"""Variable with the socket of the process that forks, and the Python for which it does."""

TAKEN = (
    ["-m", "imagej_dl"],
    ["-c", "import appose.python_worker; appose.python_worker.main()"],
    ["-", os.path.join(os.path.dirname(os.path.dirname(__file__)), "own_process.py")],
)
"""How the processes are started that may be forked, with no option of Python's; `-` is a script."""


def _hand_over(address: str, what: list[str]) -> None:
    import json
    import signal
    import socket
    import struct

    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        streams = (sys.stdin, sys.stdout, sys.stderr)
        said = {
            "what": what,
            "path": sys.path,
            "folder": os.getcwd(),
            "environment": dict(os.environ),
            "streams": [(stream.encoding, stream.errors) for stream in streams],
        }
        text = json.dumps(said).encode()
        socket.send_fds(line, [struct.pack("!I", len(text))], [0, 1, 2])
        line.sendall(text)
        answer = line.makefile("rb")
        process = int(answer.readline())
        if not process:  # it forks nothing for such an environment
            return

        def pass_on(number: int, frame: object) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, pass_on)
        code = int(answer.readline() or 1)
    if code < 0:  # it was killed, and so is this one
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


_address, _, _python = os.environ.get(ADDRESS, "").partition("|")
if _address and sys.executable == _python:
    _what = sys.orig_argv[1:] or [""]
    if not _what[0].startswith("-"):
        _what = ["-", *_what]
    if _what[:2] in TAKEN:
        # No server, a closed stream, no number.
        with contextlib.suppress(OSError, AttributeError, ValueError):
            _hand_over(_address, _what)
