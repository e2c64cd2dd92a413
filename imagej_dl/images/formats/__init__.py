"""File formats, one module each: :mod:`base` is their interface, :mod:`registry` finds them.

To add a format, write a module with a subclass of :class:`base.Format`, its test, and its row in
the table of docs/reading.md.
"""
