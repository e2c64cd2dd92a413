"""Programs of others, each in a Python of its own: trackers' libraries and segmentation engines.

The libraries require versions that exclude each other, and ours (btrack 0.6 pydantic 1, Cellpose
PyTorch), and some cannot be stopped while they compute. So each runs in a process of its own, by
the Python of the environment it is installed in. That Python needs NumPy and the library, and
nothing of imagej-dl.

:mod:`~imagej_dl.foreign.program` finds that Python, asks it for the library's version, and runs it
once on arrays; :mod:`~imagej_dl.foreign.session` keeps it running for one request after the other;
:mod:`~imagej_dl.foreign.environments` makes environments; :mod:`~imagej_dl.foreign.process` starts
and ends processes.
"""
