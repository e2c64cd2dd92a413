package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.ImageStack
import ij.Macro
import ij.macro.Interpreter
import java.awt.Window
import org.apposed.appose.NDArray
import org.apposed.appose.TaskEvent

/** One run of a command: what it is given from ImageJ, its progress, what it leaves there. */
class Run {
    final Front front
    final Map command
    final Map values
    final Set takes
    final ImagePlus image
    /** What gave the values, "dialog" or "macro": what is said is in its words. */
    String door = "macro"
    /** Further open images that the values name, by their keys. */
    Map<String, ImagePlus> opened = [:]

    Run(Front front, Map command, Map values, Set takes, ImagePlus image) {
        this.front = front
        this.command = command
        this.values = values
        this.takes = takes
        this.image = image
    }

    Map start() {
        List<NDArray> arrays = []
        File roiset = null
        def inputs = [command: command.name, values: values, door: door]
        try {
            def given = image == null ? null : "image" in takes ? image : "plane" in takes ? plane(image) : null
            if (given != null) {
                arrays << Images.share(given)
                inputs += [image: arrays[0], about: Images.about(given)]
                if (path(given) != null) inputs.image_path = path(given)
            }
            if (opened) inputs.opened = opened.collect { key, imp ->
                arrays << Images.share(imp)
                [key: key, image: arrays.last(), about: Images.about(imp)]
            }
            def rois = "rois" in takes ? Rois.current(image) : []
            if (rois) {
                roiset = File.createTempFile("imagej-dl-", ".zip")
                Rois.write(rois, roiset)
                inputs.roiset = roiset.path
            }
            if (front.fiji != null) inputs.fiji = front.fiji
            IJ.resetEscape()
            IJ.showStatus("$command.label: starting... (Esc cancels)")  // TensorFlow takes a while
            return inTurn { finish(work(inputs)) }
        } finally {
            arrays*.close()
            roiset?.delete()
            IJ.showProgress(1.0)
        }
    }

    /** Runs what must not be mixed with another command's use of the same worker. */
    protected Object inTurn(Closure work) { front.inTurn(work) }

    protected Map work(Map inputs) {
        front.worker.call("run", inputs, { escaped() }, { TaskEvent event -> heard(event) })
    }

    /**
     * Whether Esc was pressed; the macro is then let go of. ImageJ holds the window system for two
     * seconds until it has ended, and stops its thread where it has not: what was done would be
     * lost, and a macro of Fiji's editor would seem to run for ever.
     */
    protected boolean escaped() {
        if (!IJ.escapePressed()) return false
        def macro = Interpreter.instance
        if (door == "macro" && macro != null) {
            sleep(200)  // what ImageJ does at once, such as to leave batch mode, is done by then
            Macro.abort = true
            macro.shutdown()
            Interpreter.setInstance(null)
        }
        return true
    }

    protected void heard(TaskEvent event) {
        if (event.info == null && event.maximum > 0) {
            IJ.showStatus("ImageJ-DL: $event.message (Esc cancels)")
            IJ.showProgress((event.current / event.maximum) as double)
        }
    }

    protected Map finish(Map result) {
        if (result.text) IJ.log(result.text)
        if (result.error) throw new CommandError(result.error)
        if (result.cancelled) {
            IJ.showStatus("ImageJ-DL: cancelled")
            return [cancelled: true]
        }
        def shown = new ResultWindows(image, beside())
        result.shown.each { shown.show(it) }
        IJ.showStatus("ImageJ-DL: " + (result.text?.trim() ?: "done").readLines().last())
        return (result.values ?: [:]) + shown.values
    }

    /** Windows of this run that results must not cover. */
    protected List<Window> beside() { [] }

    /** The file an image was opened from, if nothing was changed in the window since. */
    private static String path(ImagePlus imp) {
        def info = imp.originalFileInfo
        if (imp.changes || info?.directory == null || info?.fileName == null) return null
        def file = new File(info.directory, info.fileName)
        return file.isFile() ? file.path : null
    }

    /** The slice and frame that are shown, with all channels. */
    protected static ImagePlus plane(ImagePlus imp) {
        def stack = new ImageStack(imp.width, imp.height)
        (1..imp.NChannels).each { c ->
            def pixels = imp.getStack().getPixels(imp.getStackIndex(c, imp.slice, imp.frame))
            stack.addSlice("", pixels.clone())
        }
        def plane = new ImagePlus(imp.title, stack)
        plane.setDimensions(imp.NChannels, 1, 1)
        plane.setCalibration(imp.calibration)
        return plane
    }
}
