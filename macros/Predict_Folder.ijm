// Predict_Folder: segments all images of a folder, and counts the objects of each.
// For each image NAME the results' folder gets the label map NAME.tif and NAME_RoiSet.zip, and
// counts.csv has a line for each plane (frame or slice).
//
// Options, instead of the dialog:
//     images=[/my images]  out=[/my results]
//     model=[/my model]     the ready model nuclei where this is left out
//     settings=[tile=512]   more options of "ImageJ-DL Predict"
//     overwrite             replaces results that are there
// Returns the number of objects. Works without a screen.

requires("1.54f");
if (getArgument() != "") {
    model = option("model", "");
    images = option("images", "");
    out = option("out", "");
    settings = option("settings", "");
    overwrite = given("overwrite");
} else if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") {
    stop("Predict_Folder: without a screen there is no dialog; pass options such as model=[/my model] images=[/my images] out=[/my results]");
} else {
    Dialog.create("Predict a folder");
    Dialog.addDirectory("Model (the ready model nuclei where empty)", "");
    Dialog.addDirectory("Images", "");
    Dialog.addDirectory("Results", "");
    Dialog.addCheckbox("Replace results that are there", false);
    Dialog.show();
    model = Dialog.getString();
    images = Dialog.getString();
    out = Dialog.getString();
    settings = "";
    overwrite = Dialog.getCheckbox();
}
chosen = "";  // without the key, Predict uses nuclei
if (model != "") chosen = "model=[" + namedFolder(model, "holds the model") + "] ";
images = namedFolder(images, "holds the images");
out = namedFolder(out, "gets the results");
replacing = "";
if (overwrite) replacing = " overwrite";
table = out + File.separator + "counts.csv";
if (File.exists(table) && !overwrite) stop("Predict_Folder: " + table + " is there already. Tick Replace, or add the option overwrite.");

run("ImageJ-DL Predict",
    chosen + "images=[" + images + "] out=[" + out + "] " + settings + replacing);

run("ImageJ-DL Macro Extensions", "");
setBatchMode(true);
files = getFileList(out);
lines = "image,plane,objects\n";
total = 0;
for (i = 0; i < files.length; i++) {
    if (!endsWith(files[i], ".tif") || endsWith(files[i], "_probabilities.tif")) continue;
    open(out + File.separator + files[i]);
    for (plane = 1; plane <= nSlices; plane++) {
        objects = parseInt(Ext.dl_count(getTitle(), plane));
        lines += "\"" + replace(files[i], "\"", "\"\"") + "\"," + plane + "," + objects + "\n";
        total += objects;
    }
    close();
}
File.saveString(lines, table);
setBatchMode(false);
if (call("java.awt.GraphicsEnvironment.isHeadless") != "true") Table.open(table);
return "" + total;

// A folder without the separator that Browse puts at its end; it must be named: WHAT is in it.
function namedFolder(path, what) {
    if (path == "") stop("Predict_Folder: name the folder that " + what + ".");
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
