#@script(language="Python")
#@ File (label="Project", style="directory") project
#@ File (label="Model (a new folder)", style="save") model
#@ Integer (label="Epochs", value=20) epochs
# For a Fiji in Python mode: trains on a project's label maps, and segments the open image.
# The work is done in a process of its own; the keys are those of `imagej-dl train --help`.
from imagej_dl import fiji

fiji.install()
trained = fiji.run("train", project=project, out=model, epochs=epochs)
print(f"average precision at IoU 0.5 on validation images: {trained['ap_0.5']:.3f}")
found = fiji.run("predict", model=model)
print(f"{found['objects']} objects in {found['image']}; their ROIs are in the ROI Manager")
