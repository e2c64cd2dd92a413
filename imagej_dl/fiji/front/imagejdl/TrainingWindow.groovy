package imagejdl

import ij.IJ
import java.awt.BorderLayout
import java.awt.FlowLayout
import java.awt.GridLayout
import java.awt.Window
import java.awt.event.ComponentAdapter
import java.awt.event.ComponentEvent
import java.awt.event.KeyEvent
import java.beans.PropertyChangeEvent
import java.beans.PropertyChangeListener
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicBoolean
import javax.swing.BorderFactory
import javax.swing.JButton
import javax.swing.JComponent
import javax.swing.JDialog
import javax.swing.JFrame
import javax.swing.JLabel
import javax.swing.JOptionPane
import javax.swing.JPanel
import javax.swing.JProgressBar
import javax.swing.KeyStroke
import javax.swing.SwingUtilities
import javax.swing.WindowConstants

/** The small window of a training: how far it is, how long it takes, "Use now" and "Cancel". */
class TrainingWindow {
    private static final Map STAGES = [reading: "Reading images and labels...", building: "Building the network...",
        "first batch": "Making the first batch, which takes longer than the others...", predict: "Denoising..."]
    final JFrame frame
    protected JDialog question
    protected final JLabel first = new JLabel("Starting Python and TensorFlow...")
    protected final JLabel second = new JLabel(" ")
    protected final JProgressBar bar = new JProgressBar(0, 1000)
    protected final JButton now = new JButton("Use now")
    protected final JButton cancel = new JButton("Cancel")
    protected final JPanel lines = new JPanel(new GridLayout(0, 1, 0, 6))
    protected final JPanel buttons = new JPanel(new FlowLayout(FlowLayout.RIGHT))

    TrainingWindow(String title, Window image, Closure useNow, Closure stop) {
        frame = new JFrame(title)
        SwingUtilities.invokeAndWait {
            frame.defaultCloseOperation = WindowConstants.DO_NOTHING_ON_CLOSE
            now.toolTipText = "End the training here, and segment the open image with its best model"
            cancel.toolTipText = "Stop; the best model so far is kept, and Resume continues"
            now.enabled = false  // there is no model before the first epoch has ended
            now.addActionListener { ended("Choosing its settings...") ; useNow() }
            cancel.addActionListener { ended("Stopping...") ; stop() }
            [first, second, bar].each { lines.add(it) }
            [now, cancel].each { buttons.add(it) }
            def all = new JPanel(new BorderLayout())
            all.border = BorderFactory.createEmptyBorder(12, 12, 6, 12)
            all.add(lines, BorderLayout.CENTER)
            all.add(buttons, BorderLayout.SOUTH)
            frame.contentPane = all
            all.registerKeyboardAction({ IJ.setKeyDown(KeyEvent.VK_ESCAPE) },
                KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0), JComponent.WHEN_IN_FOCUSED_WINDOW)
            frame.setSize(560, 170)
            frame.setLocation(20, 120)
            WindowPlacement.beside(frame, [image])
            frame.visible = true
        }
    }

    void stage(String stage, double part) {
        SwingUtilities.invokeLater {
            bar.value = (1000 * part) as int
            if (!now.enabled && cancel.enabled) first.text = STAGES[stage] ?: stage.capitalize() + "..."
        }
    }

    void epoch(Map row, Map best) {
        SwingUtilities.invokeLater {
            first.text = String.format("Epoch %d of %d: loss %.3f, validation %.3f, %s %.3f (best: epoch %d)",
                row.epoch as int, row.epochs as int, row.loss as double, row.val_loss as double,
                row.measure ?: "Dice", (row.measured ?: row.val_dice ?: 0) as double,
                (best ?: row).epoch as int)
            second.text = "${time(row.seconds)} so far, about ${time(row.remaining)} left"
            if (cancel.enabled) now.enabled = true
        }
    }

    /** Asks whether the training is to be stopped; true for yes. The training goes on meanwhile. */
    boolean asksToStop() {
        def pane = new JOptionPane("Stop the training? Its best model so far is kept, and Resume continues.",
            JOptionPane.QUESTION_MESSAGE, JOptionPane.YES_NO_OPTION)
        def answered = new CountDownLatch(1)
        def yes = new AtomicBoolean()
        // A dialog forgets an answer that comes before it knows that it is shown.
        pane.addPropertyChangeListener(JOptionPane.VALUE_PROPERTY, { PropertyChangeEvent change ->
            if (change.newValue == JOptionPane.YES_OPTION) yes.set(true)
        } as PropertyChangeListener)
        SwingUtilities.invokeLater {
            question = pane.createDialog(frame, frame.title)
            question.modal = false  // the user's images stay in reach
            question.addComponentListener(new ComponentAdapter() {
                void componentHidden(ComponentEvent event) { answered.countDown() }
            })
            question.alwaysOnTop = true
            question.visible = true
        }
        answered.await()
        return yes.get()
    }

    /** Closes it before it returns: what is said next must not stand behind it. */
    void close() {
        def end = { question?.dispose(); frame.dispose() }
        if (SwingUtilities.isEventDispatchThread()) end()
        else SwingUtilities.invokeAndWait(end as Runnable)
    }

    protected void ended(String words) {
        now.enabled = false
        cancel.enabled = false
        second.text = words
    }

    protected static String time(seconds) {
        int s = Math.round(seconds as double)
        s < 100 ? "$s s" : s < 6000 ? "${Math.round(s / 60 as double)} min" : "${s.intdiv(3600)} h ${s.intdiv(60) % 60} min"
    }
}
