package imagejdl

import ij.IJ
import java.awt.BorderLayout
import java.awt.EventQueue
import java.awt.FlowLayout
import java.awt.Font
import java.awt.Toolkit
import java.awt.event.WindowAdapter
import java.awt.event.WindowEvent
import java.util.concurrent.CountDownLatch
import javax.swing.BorderFactory
import javax.swing.JButton
import javax.swing.JFrame
import javax.swing.JLabel
import javax.swing.JPanel
import javax.swing.JProgressBar
import javax.swing.JScrollPane
import javax.swing.JTextArea
import javax.swing.WindowConstants

/**
 * The window of the first use: what will be installed, how large and where; then progress and what
 * the installation says. Nothing is downloaded before "Install" is pressed.
 */
class SetUpWindow {
    static final String TITLE = "ImageJ-DL: set up"
    private static SetUpWindow shown
    private Environment environment
    private File python
    private volatile Installer installer
    private final CountDownLatch closed = new CountDownLatch(1)
    private Object loop
    private JFrame frame
    private final JLabel words = new JLabel()
    private final JLabel state = new JLabel(" ")
    private final JProgressBar bar = new JProgressBar(0, 1000)
    private final JTextArea log = new JTextArea(9, 60)
    private final JScrollPane lines = new JScrollPane(log)
    private final JButton go = new JButton("Install")
    private final JButton others = new JButton("Other ways...")
    private final JButton cancel = new JButton("Cancel")

    private SetUpWindow(Environment environment) { this.environment = environment }

    /** Waits until the window is closed: the Python that is ready then, or null. */
    static File open(Environment environment) {
        def window
        synchronized (SetUpWindow) {
            if (shown != null) {
                EventQueue.invokeLater { shown?.frame?.toFront() }
                IJ.showStatus("ImageJ-DL is being set up; run the command again after that")
                return null
            }
            window = shown = new SetUpWindow(environment)
        }
        try {
            return window.waited()
        } finally {
            synchronized (SetUpWindow) { shown = null }
        }
    }

    private File waited() {
        python = environment.ready()
        def first = details()
        if (EventQueue.dispatchThread) {
            loop = Toolkit.defaultToolkit.systemEventQueue.createSecondaryLoop()
            build(first)
            loop.enter()
        } else {
            EventQueue.invokeAndWait { build(first) }
            closed.await()
        }
        return python
    }

    private void build(String page) {
        frame = new JFrame(TITLE)
        frame.defaultCloseOperation = WindowConstants.DO_NOTHING_ON_CLOSE
        frame.addWindowListener(new WindowAdapter() {
            void windowClosing(WindowEvent event) { stop() }
        })
        go.addActionListener { start() }
        others.addActionListener { ask() }
        cancel.addActionListener { stop() }
        log.editable = false
        log.lineWrap = true  // paths are long
        log.font = new Font(Font.MONOSPACED, Font.PLAIN, 11)
        [bar, state, lines].each { it.visible = false }
        def progress = new JPanel(new BorderLayout(0, 6))
        progress.add(bar, BorderLayout.NORTH)
        progress.add(state, BorderLayout.CENTER)
        def middle = new JPanel(new BorderLayout(0, 8))
        middle.add(progress, BorderLayout.NORTH)
        middle.add(lines, BorderLayout.CENTER)  // what gives way where the window is too small
        def buttons = new JPanel(new FlowLayout(FlowLayout.RIGHT))
        [others, go, cancel].each { buttons.add(it) }
        def all = new JPanel(new BorderLayout(0, 10))
        all.border = BorderFactory.createEmptyBorder(12, 14, 6, 14)
        all.add(words, BorderLayout.NORTH)
        all.add(middle, BorderLayout.CENTER)
        all.add(buttons, BorderLayout.SOUTH)
        frame.contentPane = all
        frame.rootPane.defaultButton = go
        show(page)
        frame.setLocation(160, 140)
        frame.visible = true
        go.requestFocusInWindow()  // the first button in the window would have it
    }

    /** The first page's words; they are found outside of the window system's thread. */
    private String details() {
        def folder = environment.target()
        def processor = environment.processor()
        def (fetched, kept) = Sizes.MEASURED[processor]
        long there = Sizes.of(Packages.downloads(folder))
        def rows = [
            ["What", "imagej-dl $environment.version, Python 3.12, TensorFlow for " +
                (processor == "cuda" ? "the NVIDIA GPU" : "the processor")],
            ["Download", environment.settings.wheels ? "none; from the wheels in $environment.settings.wheels" :
                "about ${Sizes.words(fetched)}" + (there > 1e6 ? ", of which ${Sizes.words(there)} are here already" : "") +
                (environment.settings.index ? ", from $environment.settings.index" : "") +
                (environment.settings.proxy ? ", through $environment.settings.proxy" : "")],
            ["On disk", "about ${Sizes.words(kept)}; ${Sizes.words(Sizes.there(folder).usableSpace)} are free"],
            ["Where", "$folder"]]
        if (environment.old) rows[1] = ["Download", "only what is new since then"]
        def head = python != null ? "ImageJ-DL is set up: ${python}" : environment.trouble
        def table = rows.collect { name, text -> "<tr><td><b>$name</b>&nbsp;&nbsp;&nbsp;</td><td>${Dialog.escape(text)}</td></tr>" }
        return "<html><body width=520><p>${Dialog.escape(head)}</p><br><table cellpadding=2>${table.join('')}</table>" +
            "<br><p>Nothing else on this computer is changed. You can cancel: what was downloaded is kept, " +
            "and the next time it goes on from there.</p></body></html>"
    }

    private void show(String page) {
        words.text = page
        go.text = python != null ? "Install again" : environment.old ? "Update" : "Install"
        cancel.text = python != null ? "Close" : "Cancel"
        [go, others, cancel].each { it.enabled = true }
        frame.pack()
    }

    private void start() {
        [go, others].each { it.enabled = false }
        cancel.text = "Cancel"
        [bar, state, lines].each { it.visible = true }
        log.text = ""
        say("Starting...", 0)
        frame.pack()
        boolean again = python != null
        python = null
        Thread.startDaemon("imagej-dl-set-up") {
            try {
                // Whoever has named a Python, and installs one all the same, means the new one.
                if (environment.settings.python) environment = environment.keep([python: ""])
                installer = environment.installer({ String text, double part -> EventQueue.invokeLater { say(text, part) } },
                    { String text -> EventQueue.invokeLater { log.append(text + "\n"); log.caretPosition = log.document.length } })
                installer.run(again)
                python = environment.ready()
                close()
            } catch (SetUpCancelled cancelled) {
                IJ.showStatus("ImageJ-DL: $cancelled.message")
                close()
            } catch (CommandError error) {
                failed(error.message)
            } catch (Exception error) {
                error.printStackTrace()
                failed("Unexpected error: $error")
            } finally {
                installer = null
            }
        }
    }

    private void say(String text, double part) {
        state.text = text
        bar.value = (1000 * part) as int
        bar.indeterminate = text.endsWith("...")  // how far such a step is, nobody tells
    }

    private void failed(String why) {
        IJ.log("ImageJ-DL: $why")
        EventQueue.invokeLater {
            bar.indeterminate = false
            state.text = "<html><body width=520><font color=#b00000>${Dialog.escape(why)}</font></body></html>"
            go.text = "Try again"
            [go, others, cancel].each { it.enabled = true }
            frame.pack()
        }
    }

    /** Cancel: ends the installation, or else closes the window. */
    private void stop() {
        def working = installer
        if (working == null && !go.enabled) return  // it begins just now
        if (working == null) close()
        else {
            cancel.enabled = false
            state.text = "Stopping; what was downloaded is kept..."
            Thread.startDaemon("imagej-dl-cancel") { working.cancel() }
        }
    }

    private void ask() {
        def before = environment.settings
        def values = Dialog.ask(Ways.COMMAND, before, null)
        if (values == null) return
        boolean all = values.remove("shared") == "true"
        [go, others].each { it.enabled = false }
        Thread.startDaemon("imagej-dl-ways") {
            try {
                // What was emptied is no longer meant.
                def emptied = (before.keySet() - values.keySet()).collectEntries { [it, ""] }
                environment = environment.keep(emptied + values, all)
                python = environment.ready()
                if (python != null) close()
                else {
                    def page = details()
                    EventQueue.invokeLater { show(page) }
                    if (environment.settings.python) failed(environment.trouble)
                }
            } catch (CommandError error) {
                failed(error.message)
            }
        }
    }

    private void close() {
        def end = {
            frame.dispose()
            loop?.exit()
            closed.countDown()
        }
        if (EventQueue.dispatchThread) end()
        else EventQueue.invokeAndWait(end as Runnable)
    }
}
