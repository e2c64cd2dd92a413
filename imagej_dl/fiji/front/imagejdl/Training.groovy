package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.WindowManager
import ij.gui.ImageRoi
import ij.gui.Overlay
import ij.gui.Plot
import ij.gui.PlotWindow
import ij.macro.Interpreter
import java.awt.GraphicsEnvironment
import org.apposed.appose.TaskEvent

/**
 * A training, in a worker process of its own: its curve in a plot, its present model's labels on
 * the open image, the remaining time, and two ways to end it.
 */
class Training extends Run {
    /** The window of the training before, for the next one to draw in. */
    private static PlotWindow lastCurve
    private final Worker worker
    private final List<Map> epochs = []
    private final String name
    private volatile boolean cancelled
    private volatile boolean enough
    private volatile boolean asking
    private TrainingWindow control
    private PlotWindow curve
    private ImagePlus preview

    Training(Front front, Map command, Map values, Set takes, ImagePlus image) {
        // A curve is no image to preview on.
        super(front, command, values, takes, image?.window instanceof PlotWindow ? null : image)
        worker = new Worker(front.python)
        name = new File(values.out ?: values.project ?: "model").name
    }

    protected Object inTurn(Closure work) { work() }  // its worker is its own

    protected Map work(Map inputs) {
        if (!GraphicsEnvironment.isHeadless())
            control = new TrainingWindow("ImageJ-DL: training $name", image?.window, { useNow() }, { cancelled = true })
        try {
            // In a macro Esc ends it, as it ends macros; else it may be meant for something else.
            def result = worker.call("run", inputs,
                { cancelled || (door == "macro" || control == null ? escaped() : IJ.escapePressed() && !ask()) },
                { TaskEvent e -> heard(e) })
            if (result.killed) result.text = "The training was stopped at once; Resume " +
                "continues from its last epoch."
            return result
        } finally {
            worker.close()
            control?.close()
            def caller = new Caller()
            def current = caller.image()
            preview?.with { changes = false; close() }
            // The user, or the macro, goes on with the image they had, not with the curve.
            if (current.is(preview) || current.is(curve?.imagePlus)) caller.select(image)
            else caller.select(current)
            synchronized (Training) { if (curve != null) lastCurve = curve }
        }
    }

    /** Asks once at a time; true would mean that nothing is to be asked. */
    private boolean ask() {
        IJ.resetEscape()
        if (asking) return true
        asking = true
        Thread.startDaemon("imagej-dl-question") {
            try {
                if (control.asksToStop()) cancelled = true
            } finally {
                asking = false
            }
        }
        return true
    }

    protected Map finish(Map result) {
        def values = super.finish(result)
        if (enough && values.model && image?.isVisible())
            values += front.call("predict", [model: values.model], image)
        return values
    }

    protected void heard(TaskEvent event) {
        def info = event.info
        if (info == null) {
            if (event.maximum > 0) {
                double part = event.current / event.maximum
                IJ.showStatus("ImageJ-DL: $event.message ${Math.round(100 * part)}%")
                IJ.showProgress(part)
                control?.stage(event.message, part)
            }
        } else if (info.kind == "preview") {
            show(Images.take(info.preview, "Preview of $name"), info.epoch as int)
        } else if (info.note) {
            IJ.log("ImageJ-DL: $info.note")
        } else {
            epochs << info
            control?.epoch(info, best())
            if (windows()) draw()
        }
    }

    private void useNow() {
        enough = true
        Thread.startDaemon("imagej-dl-use-now") { worker.call("enough", [:]) }
    }

    /** Whether windows may be opened: in batch mode they would be images of the macro's. */
    private boolean windows() { control != null && !Interpreter.batchMode }

    private Map best() { epochs.findAll { it.kept }?.last() }

    private void draw() {
        String title = "Training of $name"
        def plot = new Plot(title, "Epoch", "Loss")
        def x = epochs.collect { it.epoch as float } as float[]
        [["loss", "#3366cc", "training"], ["val_loss", "#dd6611", "validation"]].each { key, colour, label ->
            plot.setColor(colour)
            plot.setLineWidth(2)
            plot.addPoints(x, epochs.collect { it[key] as float } as float[], null as float[],
                epochs.size() > 1 ? Plot.LINE : Plot.CIRCLE, label)
        }
        plot.setColor("black")
        plot.setLineWidth(1)
        double highest = epochs.collect { Math.max(it.loss as double, it.val_loss as double) }.max()
        plot.setLimits(0, Math.max(5, epochs.size()), 0, 1.05 * highest)
        plot.addLegend("", "top-right")
        if (curve == null) {
            // One window of curves is enough, however many trainings there were.
            synchronized (Training) {
                if (lastCurve != null && !lastCurve.closed) curve = lastCurve
                lastCurve = null
            }
        }
        if (curve == null || curve.closed) {
            beside { curve = plot.show() }
            curve.setLocation(20, 320)
            WindowPlacement.beside(curve, [image?.window, control.frame, preview?.window])
        } else {
            curve.drawPlot(plot)
            if (curve.imagePlus.title != title) curve.imagePlus.title = title
        }
    }

    /** The plane with the model's labels over it, in a window of its own: the user's stays as it is. */
    private void show(ImagePlus labels, int epoch) {
        if (!windows()) return
        if (preview == null || !preview.isVisible()) {
            preview = plane(image)
            preview.setDisplayRange(image.displayRangeMin, image.displayRangeMax)
            beside { preview.show() }
            WindowPlacement.beside(preview.window, [image.window, control.frame, curve])
        }
        // Of a large plane its middle is predicted.
        def colours = new ImageRoi((preview.width - labels.width).intdiv(2),
            (preview.height - labels.height).intdiv(2), labels.getProcessor().convertToRGB())
        colours.setZeroTransparent(true)
        colours.setOpacity(0.45)
        preview.setOverlay(new Overlay(colours))
        preview.setTitle("Preview of $name, epoch $epoch")
        preview.changes = false
    }

    /** Opens a window; the image that commands are for stays the current one. */
    private static void beside(Closure open) {
        def before = WindowManager.currentWindow
        open()
        if (before?.isVisible()) WindowManager.setCurrentWindow(before)
    }
}
