"""Packages of BioImage.IO: models of others, opened as data and used as models of our own are.

:mod:`.archive` reads the files of a package, :mod:`.description` what its rdf.yaml declares,
:mod:`.known_operations` its pre- and post-processing, :mod:`.networks` its weights
(:mod:`.saved_networks` those of TensorFlow); :mod:`.loading` makes a
:class:`~imagej_dl.models.bundle.ModelBundle` of all that. Nothing of a package is executed but the
operations of its network: neither Python code nor custom operations, and no address of the network
is looked up.
"""
