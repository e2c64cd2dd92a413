// Label_Boundaries: the boundaries of the labels of the open label image, also where they touch.
// A threshold or "Find Edges" shows touching labels as one; this compares the numbers.
//
// Two kinds of lines, both 1 pixel wide:
//     outlines   of each label the pixels beside (not across a corner) another label or background
//     touching   only where two labels touch, on the side of the smaller number: black them out,
//                and the objects come apart (as for networks that learn a border)
//
// Options, instead of the dialog:
//     lines=outlines|touching
//     show=overlay|image   over the label image, after what its overlay holds; or an 8-bit image,
//                          255 on the lines, of the same size and calibration
//     color=yellow         of the overlay
// All planes of a stack are done, each for itself. Labels may be 8, 16 or 32 bit. Returns the title
// of the image that shows the lines. Works without a screen.

requires("1.54f");
if (nImages == 0) stop("Label_Boundaries: open a label image.");
if (bitDepth() == 24) stop("Label_Boundaries: " + getTitle() + " is a colour picture, no label image.");
if (getArgument() != "") {
    lines = option("lines", "outlines");
    show = option("show", "overlay");
    color = option("color", "yellow");
} else if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") {
    stop("Label_Boundaries: without a screen there is no dialog; pass options such as lines=outlines");
} else {
    Dialog.create("Label boundaries");
    Dialog.addChoice("Lines", newArray("outlines", "touching"), "outlines");
    Dialog.addChoice("Show as", newArray("overlay", "image"), "overlay");
    Dialog.addChoice("Color of the overlay", newArray("yellow", "red", "green", "cyan", "magenta", "white"));
    Dialog.show();
    lines = Dialog.getChoice();
    show = Dialog.getChoice();
    color = Dialog.getChoice();
}
if (lines != "outlines" && lines != "touching") stop("Label_Boundaries: lines is outlines or touching.");
if (show != "overlay" && show != "image") stop("Label_Boundaries: show is overlay or image.");

setBatchMode(true);
source = getImageID();
title = getTitle();
result = copy(source, File.getNameWithoutExtension(title) + "-boundaries");
// The largest number among a pixel and its four neighbours: larger where another label begins.
largest = copy(source, "largest");
run("Maximum...", "radius=0.5 stack");
differs(largest, source);
if (lines == "outlines") {
    // The smallest: smaller where a label ends. Both together are all pixels at a change.
    smallest = copy(source, "smallest");
    run("Minimum...", "radius=0.5 stack");
    differs(smallest, source);
    combine("Max", largest, smallest);
    selectImage(smallest);
    close();
}
// ... of these only such as belong to a label.
selectImage(result);
clip();
combine("Multiply", result, largest);
selectImage(largest);
close();
selectImage(result);
run("Multiply...", "value=255 stack");
resetThreshold();
setMinAndMax(0, 255);
run("8-bit");
run("Grays");
setMinAndMax(0, 255);

if (show == "image") {
    setBatchMode("exit and display");
    selectImage(result);
    return getTitle();
}
// The two share one overlay, so that the user's own parts of it stay.
selectImage(source);
if (Overlay.size > 0) {
    Overlay.copy;
    selectImage(result);
    Overlay.paste;
}
selectImage(result);
for (plane = 1; plane <= nSlices; plane++) {
    setSlice(plane);
    run("Select None");
    setThreshold(255, 255);
    run("Create Selection");
    if (selectionType() < 0) continue;  // no line on this plane
    Overlay.addSelection(color);
    Stack.getPosition(c, z, t);
    if (Stack.isHyperstack) Overlay.setPosition(c, z, t);
    else if (nSlices > 1) Overlay.setPosition(plane);
}
if (Overlay.size > 0) {
    Overlay.copy;
    selectImage(source);
    Overlay.paste;
    selectImage(result);
}
close();
selectImage(source);
setBatchMode(false);
Overlay.show;
return title;

// A copy in 32 bits, of the whole image whatever is selected in it.
function copy(id, name) {
    selectImage(id);
    selected = selectionType() >= 0;
    run("Select None");
    run("Duplicate...", "title=[" + name + "] duplicate");
    made = getImageID();
    Overlay.remove;
    run("32-bit");
    selectImage(id);
    if (selected) run("Restore Selection");
    selectImage(made);
    return made;
}

// 1 where the image is another number than the label image, else 0.
function differs(id, labels) {
    combine("Difference", id, labels);
    clip();
}

// 0 stays, and all above becomes 1.
function clip() {
    run("Min...", "value=0 stack");
    run("Max...", "value=1 stack");
}

// Changes the first image by the second, plane by plane.
function combine(how, one, other) {
    imageCalculator(how + " stack", one, other);
    selectImage(one);
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
