"""Prediction of images block by block, each block a job of its own.

A plane is worked on in stages, and a job of a stage needs those of the stages before it alone:

- measure: the intensities of a plane, for its normalisation.
- network: a block through the network, with the halo around it; what objects are made of is kept.
- objects: the objects that belong to a block, see :mod:`~imagej_dl.methods.shared.block_objects`.
  Of methods that find the objects of a plane together it is one job for the plane.
- number: the ids of a plane's objects, from the order of all.
- labels: the label map of a block.

Each job leaves files in a working folder beside the results, whole or not at all. So what was done
before a stop is kept, and no process holds a plane.
"""
