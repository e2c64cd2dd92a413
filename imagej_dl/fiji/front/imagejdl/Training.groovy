package imagejdl

import ij.IJ
import ij.ImagePlus
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
    protected static PlotWindow lastCurve
    protected final Worker worker
    protected final String name
    protected volatile boolean cancelled
    protected TrainingWindow control
    protected final List<Map> epochs = []
    protected final TrainingPreview preview
    protected volatile boolean enough
    protected volatile boolean asking
    protected PlotWindow curve

    Training(Front front, Map command, Map values, Set takes, ImagePlus image) {
        // A curve is no image to preview on.
        super(front, command, values, takes, image?.window instanceof PlotWindow ? null : image)
        worker = new Worker(front.python)
        name = named()
        preview = new TrainingPreview(this.image, name)
    }

    /** Ends the worker process: its memory is free for what comes next. */
    protected void letGo() { worker.close() }

    /** What its windows are called after. */
    protected String named() { new File(values.out ?: values.project ?: "model").name }

    protected TrainingWindow opened() {
        new TrainingWindow("ImageJ-DL: training $name", image?.window, { useNow() }, { cancelled = true })
    }

    protected Object inTurn(Closure work) { work() }  // its worker is its own

    protected Map work(Map inputs) {
        if (!GraphicsEnvironment.isHeadless()) control = opened()
        if (image != null) inputs += [view: view()]
        try {
            def result = worker.call("run", inputs, { stopped() }, { TaskEvent e -> heard(e) })
            if (result.killed) result.text = "The training was stopped at once; Resume " +
                "continues from its last epoch."
            return result
        } finally {
            letGo()
            control?.close()
            def caller = new Caller()
            def current = caller.image()
            boolean ours = preview.shows(current) || current.is(curve?.imagePlus)
            preview.close()
            // The user, or the macro, goes on with the image they had, not with the curve.
            if (ours) caller.select(image)
            else caller.select(current)
            synchronized (Training) { if (curve != null) lastCurve = curve }
        }
    }

    /** Whether the work is to be cancelled. In a macro Esc ends it; else it may be meant for something else. */
    protected boolean stopped() {
        cancelled || (door == "macro" || control == null ? escaped() : IJ.escapePressed() && !ask())
    }

    /** Where the user looks at the image, for the preview: frame and slice from 0, the selection. */
    protected Map view() {
        def box = image.roi?.isArea() ? image.roi.bounds : null
        return [t: image.frame - 1, z: image.slice - 1] +
            (box == null ? [:] : [box: [box.x, box.y, box.width, box.height]])
    }

    /** Asks once at a time; true would mean that nothing is to be asked. */
    protected boolean ask() {
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
        } else if (info.preview) {
            // Taken in any case: the memory that it is in is to be given back.
            def shown = Images.take(info.preview, "Preview of $name")
            if (windows()) preview."${info.kind == 'image' ? 'image' : 'labels'}"(
                shown, info.epoch as int, [image?.window, control.frame, curve])
        } else if (info.note) {
            IJ.log("ImageJ-DL: $info.note")
        } else {
            epochs << info
            control?.epoch(info, best())
            if (windows()) draw()
        }
    }

    protected void useNow() {
        enough = true
        tell("enough")
    }

    /** Calls a function of the worker beside the training, without waiting for it. */
    protected void tell(String function) {
        Thread.startDaemon("imagej-dl-$function") { worker.call(function, [:]) }
    }

    /** Whether windows may be opened: in batch mode they would be images of the macro's. */
    protected boolean windows() { control != null && !Interpreter.batchMode }

    protected Map best() { epochs.findAll { it.kept }?.last() }

    protected void draw() {
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
            WindowPlacement.behind { curve = plot.show() }
            curve.setLocation(20, 320)
            WindowPlacement.beside(curve, [image?.window, control.frame, preview.window])
        } else {
            curve.drawPlot(plot)
            if (curve.imagePlus.title != title) curve.imagePlus.title = title
        }
    }
}
