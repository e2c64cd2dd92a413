package imagejdl

import groovy.json.JsonSlurper
import groovy.transform.CompileStatic
import ij.ImagePlus
import ij.WindowManager
import ij.io.FileSaver
import ij.macro.ExtensionDescriptor
import ij.macro.Functions
import ij.macro.MacroExtension

/**
 * Functions for macros that want values back, known after run("ImageJ-DL Macro Extensions").
 * Their names and arguments are public and never change. Each returns text, a window's title or a
 * number, as ImageJ wants it: parseFloat(Ext.dl_score(...)) makes a number of it.
 */
class Extensions implements MacroExtension {
    static final String COMMAND = "ImageJ-DL Macro Extensions"
    private static final int TEXT = MacroExtension.ARG_STRING
    private static final int NUMBER = MacroExtension.ARG_NUMBER
    private static final int NUMBER_OR_NONE = NUMBER | MacroExtension.ARG_OPTIONAL
    private static final Map FUNCTIONS = [
        dl_run: [TEXT, TEXT], dl_value: [TEXT], dl_labels: [TEXT], dl_train: [TEXT, TEXT, NUMBER],
        dl_predict: [TEXT, TEXT], dl_track: [TEXT, TEXT], dl_count: [TEXT, NUMBER_OR_NONE],
        dl_score: [TEXT, TEXT, NUMBER], dl_rois: [TEXT], dl_stop: [TEXT],
        dl_denoise: [TEXT, NUMBER_OR_NONE]]
    private final Front front

    private Extensions(Front front) { this.front = front }

    static void register(Front front) { Functions.registerExtensions(new Extensions(front)) }

    ExtensionDescriptor[] getExtensionFunctions() {
        FUNCTIONS.collect { name, types ->
            ExtensionDescriptor.newDescriptor(name, this, types as int[])
        } as ExtensionDescriptor[]
    }

    String handleExtension(String name, Object[] given) {
        try {
            def found = this."$name"(*given)
            return found == null ? "" : found.toString()
        } catch (CommandError trouble) {
            front.tell(trouble)
            return ""
        }
    }

    /** Runs a command of the menu on the current image; gives its values as lines key=value. */
    private String dl_run(String command, String options) {
        def found = front.call(command, Options.parse(options), new Caller().image())
        return found.collect { key, value -> "$key=$value" }.join("\n")
    }

    /** A value of the last command, whichever way it was run; empty where it has none such. */
    private Object dl_value(String key) { front.last[key] }

    /** Fills the ROIs of the ROI Manager, or of the overlay; the label image's title. */
    private Object dl_labels(String title) { front.call("labels", [:], window(title)).image }

    /** Trains; the average precision at IoU 0.5 on the validation images. */
    private Object dl_train(String project, String out, Double epochs) {
        front.call("train", [project: project, out: out, epochs: epochs as int], null)["ap_0.5"]
    }

    /** Segments the window; the label image's title. Its ROIs come by dl_rois. */
    private Object dl_predict(String model, String title) {
        front.call("predict", [model: model, rois: false], window(title)).image
    }

    /** Trains on the window alone, for so many minutes, and denoises it; the new image's title. */
    private Object dl_denoise(String title, Double minutes) {
        front.call("denoise", minutes == null ? [:] : [minutes: minutes], window(title)).image
    }

    /** Tracks a label movie; the title of the movie with one number for each track. */
    private Object dl_track(String title, String out) {
        front.call("track", [out: out], window(title)).image
    }

    /** Ends the macro with these words, without a screen with an exit code, too. */
    private Object dl_stop(String words) { throw new CommandError(words) }

    /** How many objects a label image shows, on one plane (from 1) or on all together. */
    private Object dl_count(String title, Double plane) {
        def imp = window(title)
        def stack = imp.getStack()
        // Of signed 16-bit pixels, which ImageJ keeps 32768 higher, that number is the background.
        int none = imp.calibration.isSigned16Bit() ? 32768 : 0
        if (plane == null) return (1..stack.size).sum { different(stack.getPixels(it), none) }
        int index = plane as int
        if (index < 1 || index > stack.size)
            throw new CommandError("$title has the planes 1 to $stack.size, and no plane $index")
        return different(stack.getPixels(index), none)
    }

    /** The average precision of predicted labels at an IoU of 0.5, 0.6, 0.7, 0.8 or 0.9. */
    private Object dl_score(String predicted, String truth, Double iou) {
        def files = [pred: window(predicted), truth: window(truth)].collectEntries { key, imp ->
            [key, stored(imp)]
        }
        def report = File.createTempFile("imagej-dl-", ".json")
        try {
            front.quietly("evaluate", [pred: files.pred.path, truth: files.truth.path,
                json: report.path, overwrite: "true"])
            def scores = new JsonSlurper().parse(report).thresholds
            def found = scores.find { Math.abs(it.threshold - iou) < 1e-6 }
            if (found == null) throw new CommandError("There is no score at an IoU of $iou; there are scores at " +
                scores.collect { it.threshold }.join(", "))
            return found.average_precision == null ? "NaN" : found.average_precision
        } finally {
            (files.values() + report).each { it.delete() }
        }
    }

    /** Adds the ROIs of a label image to the ROI Manager (overlay without a screen): how many. */
    private Object dl_rois(String title) {
        def labels = window(title)
        if (dl_count(title, null) == 0) return 0
        def file = stored(labels)
        def roiset = File.createTempFile("imagej-dl-", ".zip")
        try {
            front.quietly("rois", [labels: file.path, out: roiset.path, overwrite: "true"])
            def rois = Rois.read(roiset)
            Rois.found(rois, labels, labels)
            return rois.size()
        } finally {
            [file, roiset].each { it.delete() }
        }
    }

    /** The image of this title; of several the current one, as macros mean it by getTitle(). */
    private static ImagePlus window(String title) {
        def current = new Caller().image()
        def found = current?.title == title ? current : WindowManager.getImage(title)
        if (found == null) throw new CommandError("No open image has the title $title")
        return found
    }

    /** A TIFF of the image; the window keeps its title, its file and its selection. */
    private static File stored(ImagePlus imp) {
        def file = File.createTempFile("imagej-dl-", ".tif")
        def copy = new ImagePlus(imp.title, imp.getStack())
        copy.setDimensions(imp.NChannels, imp.NSlices, imp.NFrames)
        copy.setCalibration(imp.calibration)
        Images.EXACT.each { if (imp.getProp(it) != null) copy.setProp(it, imp.getProp(it)) }
        if (!new FileSaver(copy).saveAsTiff(file.path)) throw new CommandError("$file: cannot be written")
        return file
    }

    /** How many different numbers there are besides that of the background. */
    @CompileStatic
    private static int different(Object pixels, int none) {
        def seen = new BitSet(65536)
        if (pixels instanceof byte[]) {
            for (byte value : (byte[]) pixels) seen.set(value & 0xff)
        } else if (pixels instanceof short[]) {
            for (short value : (short[]) pixels) seen.set(value & 0xffff)
        } else if (pixels instanceof float[]) {
            def found = new HashSet<Float>()
            float before = 0
            for (float value : (float[]) pixels) {
                if (value > 0 && value != before) found.add(value)
                before = value
            }
            return found.size()
        } else throw new CommandError("A label image must have 8, 16 or 32 bits, and no colours")
        seen.clear(none)
        return seen.cardinality()
    }
}
