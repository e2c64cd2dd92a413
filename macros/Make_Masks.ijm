// Make_Masks: one mask for each ROI, as Fluffy makes them: mask_0.png, mask_1.png, ...
// 8-bit, 255 inside the ROI and 0 outside, in the folder "masks" beside the folder "images".
// Training does not need them ("ImageJ-DL Make label maps" reads the ROIs themselves); they are
// for other programs.
//
// Uses the open image and the ROIs of the ROI Manager; where that is empty, those of the image's
// overlay (as without a screen, where there is no ROI Manager). Both stay as they are.
// Points and lines have no inside and are left out; the numbers are those of the ROIs, from 0.
//
// Options, instead of the dialog:
//     folder=[/my cells/Labeling/NAME]   gets the folder masks
//     overwrite                          replaces the masks that are there
// Returns the number of masks.

requires("1.54f");
if (nImages == 0) stop("Make_Masks: open the image that the ROIs were drawn on.");
headless = matches(call("java.awt.GraphicsEnvironment.isHeadless"), "true");
setBatchMode(true);
image = getImageID();
getDimensions(width, height, channels, slices, frames);
managed = !headless;
if (managed) managed = roiManager("count") > 0;
if (managed) count = roiManager("count");
else count = Overlay.size;
if (count == 0) stop("Make_Masks: no ROI is drawn. Draw an outline around each object and press t.");

if (getArgument() != "") {
    place = option("folder", "");
    overwrite = given("overwrite");
} else if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") {
    stop("Make_Masks: without a screen there is no dialog; pass options such as folder=[/my masks]");
} else {
    place = getDirectory("image");  // empty for an image that is in no file
    if (File.getName(place) == "images") place = File.getParent(place);
    Dialog.create("Make masks");
    Dialog.addMessage(count + " ROIs become mask_0.png to mask_" + (count - 1) + ".png.");
    Dialog.addDirectory("Folder of the image, such as Labeling/NAME", place);
    Dialog.addCheckbox("Replace masks that are there", false);
    Dialog.show();
    place = Dialog.getString();
    overwrite = Dialog.getCheckbox();
}
place = namedFolder(place, "gets the folder masks");
if (!File.isDirectory(place)) stop("Make_Masks: there is no folder " + place);
masks = place + File.separator + "masks" + File.separator;
File.makeDirectory(masks);
files = getFileList(masks);
for (i = 0; i < files.length; i++) {
    if (!matches(files[i], "mask_\\d+\\.png")) continue;
    if (!overwrite) stop("Make_Masks: there are masks in " + masks + " already. Tick Replace, or add the option overwrite.");
    gone = File.delete(masks + files[i]);
}

// The ROIs are laid on an image of our own, so that the user's keeps its selection.
if (!managed) Overlay.copy;
newImage("mask", "8-bit black", width, height, 1);
if (!managed) Overlay.paste;
made = 0;
for (i = 0; i < count; i++) {
    run("Select None");
    run("Set...", "value=0");
    if (managed) roiManager("select", i);
    else Overlay.activateSelection(i);
    if (!is("area")) {
        print("Make_Masks: ROI " + i + " is a line or point, and is left out.");
        continue;
    }
    run("Set...", "value=255");
    if (!managed) Overlay.hide;
    run("Select None");
    saveAs("PNG", masks + "mask_" + i + ".png");
    made++;
}
close();
if (managed) roiManager("deselect");
selectImage(image);
showStatus(made + " masks in " + masks);
return "" + made;

// A folder without the separator that Browse puts at its end; it must be named: WHAT is in it.
function namedFolder(path, what) {
    if (path == "") stop("Make_Masks: name the folder that " + what + ".");
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
