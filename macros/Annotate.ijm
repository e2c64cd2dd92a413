// Annotate: draw on one image of a project after the other. Opens the next image without ROIs,
// waits until you have drawn, stores the ROIs as Labeling/NAME/RoiSet.zip, and opens the next.
// Put your images into the project's folder Raw first ("ImageJ-DL New project" makes a project).
//
// ROIs that are in the ROI Manager before are yours: they stay, and are not stored.
// To stop, press Esc, or Cancel where it waits: start the macro again to go on from there.
//
// Options, instead of the dialog:
//     project=[/my cells]
//     tool=freehand        the tool to draw with: polygon, freehand, oval, wand, ...
// Returns the number of images drawn. It needs a screen.

requires("1.54f");
if (call("java.awt.GraphicsEnvironment.isHeadless") == "true")
    stop("Annotate: drawing needs a screen.");
if (getArgument() != "") {
    project = option("project", "");
    tool = option("tool", "freehand");
} else {
    Dialog.create("Annotate");
    Dialog.addDirectory("Project", "");
    Dialog.addChoice("Draw with", newArray("freehand", "polygon", "oval", "wand"), "freehand");
    Dialog.show();
    project = Dialog.getString();
    tool = Dialog.getChoice();
}
project = namedFolder(project, "is the project");
run("ImageJ-DL Macro Extensions", "");
drawn = 0;
while (true) {
    run("ImageJ-DL Annotate next image", "project=[" + project + "]");
    name = Ext.dl_value("name");
    if (name == "") break;
    setTool(tool);
    waitForUser("Annotate " + name,
        "Draw an outline around each object and press t after each.\n" +
        "Then press OK: the ROIs are stored, and the next image opens.");
    drawn++;
}
showMessageUnlessAsked("ROIs are drawn on all images of " + project);
return "" + drawn;

function showMessageUnlessAsked(text) {
    if (getArgument() == "") showMessage("Annotate", text);
    else showStatus(text);
}

// A folder without the separator that Browse puts at its end; it must be named: WHAT is in it.
function namedFolder(path, what) {
    if (path == "") stop("Annotate: name the folder that " + what + ".");
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
