"""Work that is spread over processes and machines: `base` is the interface, `registry` the list.

A job is the name of a function of imagej-dl and arguments that JSON can hold. Jobs of one call do
not depend on each other, each leaves its result in files, and doing one twice changes nothing. So
an executor only has to see to it that each is done: one after the other, or by Dask.
"""
