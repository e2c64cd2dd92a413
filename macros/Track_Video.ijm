// Track_Video: segments the open movie, and tracks the objects.
// The results' folder gets tracked.tif (one number for each track, opened at the end), tracks.xml
// for TrackMate (which opens on it in a Fiji), and tables of spots and edges.
//
// A movie whose frames came in as z slices, as many do, is understood; yours stays as it is.
//
// Options, instead of the dialog:
//     out=[/my tracks]
//     model=[/my model]       the ready model nuclei where this is left out
//     movie=[/my movie.tif]   opened first; else the open one
//     settings=[fill_gaps]    more options of "ImageJ-DL Track"
//     overwrite               replaces tracks that are there
// Returns the title of the tracked movie. Works without a screen.

requires("1.54f");
if (getArgument() != "") {
    model = option("model", "");
    out = option("out", "");
    movie = option("movie", "");
    settings = option("settings", "");
    overwrite = given("overwrite");
    if (movie != "") open(movie);
} else if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") {
    stop("Track_Video: without a screen there is no dialog; pass options such as model=[/my model] out=[/my tracks]");
} else {
    Dialog.create("Track a video");
    Dialog.addDirectory("Model (the ready model nuclei where empty)", "");
    Dialog.addDirectory("Tracks", "");
    Dialog.addCheckbox("Fill in objects that single frames lack", false);
    Dialog.addCheckbox("Replace tracks that are there", false);
    Dialog.show();
    model = Dialog.getString();
    out = Dialog.getString();
    settings = "";
    if (Dialog.getCheckbox()) settings = "fill_gaps";
    overwrite = Dialog.getCheckbox();
}
if (nImages == 0) stop("Track_Video: open the movie, or name it with movie=[...].");
Stack.getDimensions(width, height, channels, slices, frames);
if (slices * frames == 1) stop("Track_Video: " + getTitle() + " has only one frame.");
chosen = "";  // without the key, Predict uses nuclei
if (model != "") chosen = "model=[" + namedFolder(model, "holds the model") + "] ";
out = namedFolder(out, "gets the tracks");
// Look before the movie is segmented, which may take long.
if (File.exists(out) && !overwrite) stop("Track_Video: " + out + " is there already. Tick Replace, or add the option overwrite.");
replacing = "";
if (overwrite) replacing = " overwrite";

// The movie's own file gives TrackMate its intensities, if it is as it was opened from there.
file = getInfo("image.directory") + getInfo("image.filename");
with = "";
if (File.exists(file) && !File.isDirectory(file) && channels == 1 && !is("changes")) {
    with = " image=[" + file + "]";
    if (frames == 1) with += " image_axes=TYX";
}

run("ImageJ-DL Predict", chosen + "rois=false");
labels = getImageID();
if (frames == 1) Stack.setDimensions(1, 1, slices);  // time that came as z
run("ImageJ-DL Track", "out=[" + out + "]" + with + " " + settings + replacing);
// By its name: TrackMate has opened the movie once more, which may lie on top.
run("ImageJ-DL Macro Extensions", "");
tracked = Ext.dl_value("image");
selectImage(labels);
close();
selectImage(tracked);
return tracked;

// A folder without the separator that Browse puts at its end; it must be named: WHAT is in it.
function namedFolder(path, what) {
    if (path == "") stop("Track_Video: name the folder that " + what + ".");
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
