"""File formats, one module each: :mod:`base` is their interface, :mod:`registry` lists them.

To add a format, write a module with a subclass of :class:`base.Format`, add it to
:data:`registry.FORMATS`, write its test, and add its line to the table in docs/reading.md.
"""
