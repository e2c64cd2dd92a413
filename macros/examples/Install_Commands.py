#@script(language="Python")
# For a Fiji in Python mode: puts the commands into Plugins > ImageJ-DL, for this session of Fiji.
# The first line makes Fiji take CPython also where Jython is installed.
from imagej_dl import fiji

fiji.install()
