package imagejdl

import java.awt.Window
import javax.swing.JButton
import javax.swing.JLabel
import javax.swing.SwingUtilities
import javax.swing.WindowConstants

/** The window of a denoising: its tasks, Finish and Export, too. It stays until it is closed. */
class DenoisingWindow extends TrainingWindow {
    static final List TASKS = ["Read the image", "Train", "Denoise"]
    protected final JLabel tasks = new JLabel(" ")
    protected final JButton save = new JButton("Export...")
    protected int task = -1
    protected long since

    DenoisingWindow(String title, Window image, Closure finish, Closure stop, Closure export) {
        super(title, image, finish, stop)
        SwingUtilities.invokeAndWait {
            now.text = "Finish"
            now.toolTipText = "End the training here, and denoise with its best model"
            cancel.toolTipText = "Stop the training; the model so far is kept, and denoises the image"
            save.toolTipText = "Put a copy of the model into a folder of your choice"
            save.enabled = false  // there is no model before the first epoch has ended
            save.addActionListener { export() }
            lines.add(tasks, 0)
            buttons.add(save, 0)
            begun(0)
            frame.setSize(560, 200)
        }
    }

    void stage(String stage, double part) {
        SwingUtilities.invokeLater {
            int number = stage == "reading" ? 0 : stage == "predict" ? 2 : 1
            if (number != task) {
                begun(number)
                cancel.enabled = true  // also where the training was finished or stopped by hand
            }
            if (number == 2) {
                second.text = part < 0.05 ? " " : "about ${time(elapsed() * (1 - part) / part)} left"
                now.enabled = false
            }
        }
        super.stage(stage, part)
    }

    void epoch(Map row, Map best) {
        super.epoch(row, best)
        SwingUtilities.invokeLater { save.enabled = true }
    }

    /** The training ends with its model as it is. */
    void finishing() {
        SwingUtilities.invokeLater { second.text = "Finishing the training..." }
    }

    /** The training is being stopped; Cancel then means the denoising. */
    void stopping() {
        SwingUtilities.invokeLater {
            now.enabled = false
            second.text = "Stopping the training; the model so far denoises the image..."
            cancel.enabled = true
            cancel.toolTipText = "Stop at once; the model so far is kept"
        }
    }

    /** Stays open for Export, with one button to close it. */
    void finished(String model) {
        SwingUtilities.invokeLater {
            frame.defaultCloseOperation = WindowConstants.DISPOSE_ON_CLOSE
            tasks.text = "Done"
            bar.value = 1000
            second.text = "The model is in $model"
            second.toolTipText = model
            save.enabled = true
            now.visible = false
            cancel.text = "Close"
            cancel.toolTipText = null
            cancel.enabled = true
            cancel.actionListeners.each { cancel.removeActionListener(it) }
            cancel.addActionListener { closed() }
        }
    }

    void exported(String folder, boolean later) {
        SwingUtilities.invokeLater {
            second.text = later ? "When this epoch ends, the model goes to $folder" : "A copy of the model is in $folder"
        }
    }

    /** When the work has ended it is not known yet whether there is a model to export. */
    void close() { }

    void closed() { super.close() }

    protected void begun(int number) {
        task = number
        since = System.currentTimeMillis()
        tasks.text = "<html>" + TASKS.withIndex().collect { words, i ->
            i == number ? "<b>${i + 1}. $words</b>" : "<font color=gray>${i + 1}. $words</font>"
        }.join("&nbsp;&nbsp;\u2192&nbsp;&nbsp;") + "</html>"
    }

    protected double elapsed() { (System.currentTimeMillis() - since) / 1000d }
}
