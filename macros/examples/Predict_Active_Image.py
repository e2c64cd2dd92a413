#@script(language="Python")
#@ ImagePlus image
#@ File (label="Model", style="directory") model
#@output ImagePlus labels
# For a Fiji in Python mode: segments the active image, and gives the label image to whoever runs
# this script. As Fiji does not tell a caller of Python's errors, no labels means that it failed.
from imagej_dl import fiji
from scyjava import jimport

fiji.install()
found = fiji.run("predict", model=model, rois=False)
labels = jimport("ij.WindowManager").getImage(found["image"])
