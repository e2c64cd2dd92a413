// Train_From_RoiManager: from the open image and the ROIs in the ROI Manager to a trained model,
// and at once what that model makes of the image. The image and its ROIs are stored in a project,
// so that each image you draw on makes the next model better.
//
// Options, instead of the dialog:
//     project=[/my cells]     made where it is not there
//     model=[/my model]       the model's folder; project/Model where this is left out
//     epochs=60               at most
//     rois=[/my RoiSet.zip]   instead of the ROI Manager (which needs a screen)
//     settings=[width=32 minutes=10]   more options of "ImageJ-DL Train"
//     overwrite               replaces the image of this name and its ROIs, and the model
// Returns the title of the predicted label image.

requires("1.54f");
if (nImages == 0) stop("Train_From_RoiManager: open the image that the ROIs were drawn on.");
image = getImageID();
if (getArgument() != "") {
    project = option("project", "");
    model = option("model", "");
    epochs = option("epochs", "60");
    rois = option("rois", "");
    settings = option("settings", "");
    overwrite = given("overwrite");
} else if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") {
    stop("Train_From_RoiManager: without a screen there is no dialog; pass options such as project=[/my cells]");
} else {
    Dialog.create("Train from the ROI Manager");
    Dialog.addMessage("Stores the image and its ROIs in the project, and trains on all that is there.");
    Dialog.addDirectory("Project", "");
    Dialog.addDirectory("Model (Model in the project where empty)", "");
    Dialog.addNumber("Epochs", 60);
    Dialog.addString("More settings, such as minutes=10", "", 20);
    Dialog.addCheckbox("Replace the image of this name, its ROIs, and the model", false);
    Dialog.show();
    project = Dialog.getString();
    model = Dialog.getString();
    epochs = "" + Dialog.getNumber();
    settings = Dialog.getString();
    rois = "";
    overwrite = Dialog.getCheckbox();
}
project = namedFolder(project, "is the project that gets the image and its ROIs");
if (model == "") model = project + File.separator + "Model";
model = namedFolder(model, "gets the model");
replacing = "";
if (overwrite) replacing = " overwrite";
if (rois == "") {
    if (roiManager("count") == 0)
        stop("Train_From_RoiManager: the ROI Manager is empty.\n" +
            "Draw an outline around each object and press t after each.");
}

// Look before anything is written.
name = replace(File.getNameWithoutExtension(getTitle()), "[^A-Za-z0-9_. -]", "_");
folder = project + File.separator + "Labeling" + File.separator + name;
target = folder + File.separator + "RoiSet.zip";
if (File.exists(target) && !overwrite)
    stop("Train_From_RoiManager: " + target + " is there already. Tick Replace, or add the option overwrite.");
if (File.exists(model) && !overwrite)
    stop("Train_From_RoiManager: " + model + " is there already. Tick Replace, or add the option overwrite.");

// 1. The project, with this image and its ROIs in it.
drawnOn = folder + File.separator + "images" + File.separator + name + ".tif";
// The project's own image, as Annotate opens it, is there already.
stored = false;
if (File.exists(drawnOn) && !overwrite) {
    opened = getInfo("image.directory") + getInfo("image.filename");
    if (opened != drawnOn)
        stop("Train_From_RoiManager: " + drawnOn + " is there already. Tick Replace, or add the option overwrite.");
    stored = true;
}

if (!File.exists(project)) run("ImageJ-DL New project", "project=[" + project + "]");
File.makeDirectory(project + File.separator + "Labeling");
File.makeDirectory(folder);
File.makeDirectory(folder + File.separator + "images");
if (!stored) store(image, drawnOn);
if (rois != "") File.copy(rois, target);
else {
    roiManager("deselect");
    roiManager("save", target);
}

// 2. Label maps of all drawn images; those that are there already are kept.
run("ImageJ-DL Make label maps", "source=[" + project + "]" + replacing);

// 3. The model. Esc ends the training and keeps the best model so far.
selectImage(image);
run("ImageJ-DL Train",
    "project=[" + project + "] out=[" + model + "] epochs=" + epochs + " " + settings + replacing);
if (!File.isDirectory(model)) stop("Train_From_RoiManager: it was stopped before there was a model.");

// 4. What it makes of the image. With rois=true its ROIs come into the ROI Manager, too.
selectImage(image);
run("ImageJ-DL Predict", "model=[" + model + "] rois=false");
return getTitle();

// Saves a copy of an image, so that the open one keeps its title, its file and its selection.
function store(id, path) {
    selectImage(id);
    selected = selectionType() >= 0;
    run("Select None");  // else the copy would be cropped to it
    run("Duplicate...", "title=copy duplicate");
    saveAs("Tiff", path);
    close();
    selectImage(id);
    if (selected) run("Restore Selection");
}

// A folder without the separator that Browse puts at its end; it must be named: WHAT is in it.
function namedFolder(path, what) {
    if (path == "") stop("Train_From_RoiManager: name the folder that " + what + ".");
    while (lengthOf(path) > 1 && (endsWith(path, "/") || endsWith(path, File.separator)))
        path = substring(path, 0, lengthOf(path) - 1);
    return path;
}

// The value of KEY in the options "key=value key=[value with spaces]"; USUAL where it is not given.
function option(key, usual) {
    text = " " + getArgument() + " ";
    at = indexOf(text, " " + key + "=");
    if (at < 0) return usual;
    text = substring(text, at + lengthOf(key) + 2);
    if (startsWith(text, "[")) return substring(text, 1, indexOf(text, "] "));
    return substring(text, 0, indexOf(text, " "));
}

// Whether the word KEY stands in the options.
function given(key) {
    if (indexOf(" " + getArgument() + " ", " " + key + " ") >= 0) return true;
    return false;
}

// Ends the macro with these words; without a screen with an exit code, too.
function stop(words) {
    if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") {
        run("ImageJ-DL Macro Extensions", "");
        Ext.dl_stop(words);
    }
    exit(words);
}
