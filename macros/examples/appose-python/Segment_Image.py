#!appose-python
#@script(language="appose-python", env="imagej-dl.txt", scheme="requirements.txt")
#@ Img image
#@ String (label="Model", value="nuclei") model
#@output Img labels
#@output Integer objects
# For a Fiji with the script language appose-python: segments an image of one plane. Appose makes
# an environment for this script from the list beside it.
from imagej_dl import images, models
from imagej_dl.prediction import predict

found = predict(models.load(model), images.make(image, "YX")).labels
labels = found.data.squeeze()
objects = int(labels.max())
