#@ ImagePlus image
#@ File (label="Model", style="directory") model
#@output ImagePlus labels
// Segments the active image; the label image is what this script gives back.
def front = ij.IJ.getProperty("imagej-dl.front")
if (front == null) throw new IllegalStateException(
    "Run a command of Plugins > ImageJ-DL once, such as Settings: it starts imagej-dl.")
def found = front.call("predict", [model: model.path, rois: "false"], image)
println "$found.objects objects"
labels = ij.WindowManager.getImage(found.image)
