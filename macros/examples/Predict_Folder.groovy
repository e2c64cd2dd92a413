#@ File (label="Model", style="directory") model
#@ File (label="Images", style="directory") images
#@ File (label="Results", style="directory") out
// Segments all images of a folder. call() runs a command of Plugins > ImageJ-DL: its name on the
// command line, and its keys; it throws an exception with the words that a window would show.
def front = ij.IJ.getProperty("imagej-dl.front")
if (front == null) throw new IllegalStateException(
    "Run a command of Plugins > ImageJ-DL once, such as Settings: it starts imagej-dl.")
front.call("predict", [model: model.path, images: images.path, out: out.path])
println "Label maps and RoiSets are in $out"
