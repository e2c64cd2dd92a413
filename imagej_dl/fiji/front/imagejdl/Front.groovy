package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.Macro
import ij.gui.MessageDialog
import ij.plugin.frame.Recorder
import ij.macro.Interpreter
import java.awt.EventQueue
import java.awt.GraphicsEnvironment
import java.awt.Window
import java.util.concurrent.locks.ReentrantLock

/**
 * ImageJ's side of imagej-dl, the same whichever way Fiji was started: it asks for a command's
 * values, hands the open image and ROIs to the worker process, and shows what comes back.
 */
class Front {
    final File home
    final File python
    final Worker worker
    private static final Map KINDS = [annotate: DrawingRun, correct: DrawingRun]
    private static final Map LIVE = [denoise: Denoising]
    /** Why the last command of a macro failed, for whoever ran the macro. */
    String lastTrouble
    /** What the last command that succeeded gave, for Ext.dl_value. */
    volatile Map last = [:]
    private List<Map> commands
    private double patience = 300
    private int working      // commands under way that use the worker
    private long idle        // when the last of them ended; 0: none has, or the worker is gone
    private final ReentrantLock turn = new ReentrantLock()
    private DialogValues memory

    Front(File home, File python) {
        this.home = home
        this.python = python
        this.worker = new Worker(python)
        Runtime.runtime.addShutdownHook(new Thread({ worker.kill() }))
    }

    /** All commands of the menu, as their declarations describe them. */
    synchronized List<Map> commands() {
        if (commands == null) {
            IJ.showStatus("ImageJ-DL: starting Python...")
            def told = busy { worker.call("commands", [:]) }
            agree(told.version)
            patience = told.idle as double
            commands = told.commands
            memory = new DialogValues(told.remembered)
            Menu.order(commands*.label)
            watchIdle()
            IJ.showStatus("")
        }
        return commands
    }

    /** Whether Fiji's side is of the worker's version: they change together. */
    private void agree(String theirs) {
        def ours = Environment.version(null)
        if (ours == null || ours == theirs) return  // the front in the worker's own package has none
        worker.close()
        throw new CommandError(Environment.differs(ours, python, theirs) + " Update Fiji (Help > Update...), " +
            "or the other: $python -m pip install imagej-dl==$ours")
    }

    Map command(String nameOrLabel) {
        def found = commands().find { nameOrLabel in [it.name, it.label] }
        if (found == null) throw new CommandError("ImageJ-DL has no command $nameOrLabel")
        return found
    }

    /**
     * Runs a command as the menu or a macro does: asks where no options are given, and tells
     * what went wrong in a window, or without a screen by an exception.
     */
    void run(String name, String options) {
        // The one that is in front now: once a dialog is closed another window may be.
        def image = new Caller().image()
        boolean macro = options?.trim() || GraphicsEnvironment.isHeadless()
        try {
            def command = command(name)
            def values = options?.trim() ? Options.parse(options) : macro ? [:] : ask(command, image)
            if (values == null) return
            def found = execute(command, values, image, macro ? "macro" : "dialog")
            if (macro || found.cancelled) return
            memory.share(command, values, found)
            remember()
        } catch (CommandError trouble) {
            tell(trouble)
        } catch (Exception error) {
            if (error.message == Macro.MACRO_CANCELED) {
                // In a thread of Fiji's it would be shown as a failure; the macro ends by itself.
                if (new Caller().any) return
                throw error
            }
            error.printStackTrace()
            tell(new CommandError("Unexpected error: $error"))
        }
    }

    /** Runs a command with these values; returns its values for scripts. Throws CommandError. */
    Map call(String name, Map<String, ?> values, ImagePlus image = new Caller().image()) {
        return execute(command(name), values.collectEntries { k, v -> [k, v?.toString()] }, image)
    }

    /** Has the worker run a command on files, without a word to the user. Throws CommandError. */
    Map quietly(String name, Map<String, String> values) {
        def result = busy { inTurn { worker.call("run", [command: name, values: values]) } }
        if (result.error) throw new CommandError(result.error)
        return result
    }

    /** Copies a finished model into a folder, under a name that is free there; the new folder. */
    String export(String folder, String name, String model) {
        def made = busy { inTurn { worker.call("export", [folder: folder, name: name, model: model]) } }
        if (made.error) throw new CommandError(made.error)
        return made.folder
    }

    /** The folder of this Fiji, if TrackMate is in it. */
    String getFiji() {
        try {
            this.class.classLoader.loadClass("fiji.plugin.trackmate.TrackMate")
            return IJ.getDirectory("imagej")
        } catch (ClassNotFoundException none) {
            return null
        }
    }

    void forget() { lastTrouble = null }

    void close() { worker.close() }

    private Map<String, String> ask(Map command, ImagePlus image) {
        def before = memory.before(command)
        // Whoever has an image open to correct wants it saved next.
        if (command.name == "correct" && Drawing.current("correct")) before = before + [step: "save"]
        // What holds now is shown, and only what is changed of it is said.
        def now = command.holds ? busy { worker.call("holding", [command: command.name]) }.values : [:]
        def values = Dialog.ask(command, before + now, image)
        if (values != null) {
            values = values.findAll { key, value -> now[key] != value }
            memory.keep(command, values)
            remember()
            Dialog.record(command, values)
        } else Recorder.disableCommandRecording()  // Fiji would write the line all the same
        return values
    }

    private void remember() { busy { worker.call("remember", [values: memory.all()]) } }

    private Map execute(Map command, Map values, ImagePlus image, String door = "macro") {
        last = [:]
        def thread = Thread.currentThread()
        def loader = thread.contextClassLoader
        def caller = new Caller()
        // A thread of Python's has none, by which Swing would look for Fiji's look and feel.
        if (loader == null) thread.contextClassLoader = this.class.classLoader
        try {
            return busy {
                def opened = OpenImages.named(command, values, image)
                def plan = worker.call("plan", [command: command.name, values: values, door: door,
                    opened: opened.keySet() as List])
                if (plan.error) throw new CommandError(plan.error)
                patience = plan.idle as double
                def kind = plan.live ? LIVE.get(command.name, Training) : KINDS.get(command.name, Run)
                def run = kind.newInstance(this, command, values, plan.takes as Set, image)
                run.door = door
                run.opened = opened
                last = run.start()
            }
        } finally {
            thread.contextClassLoader = loader
            caller.leave()
        }
    }

    /** One at a time: what the worker gives back is there until its next work begins. */
    Object inTurn(Closure work) {
        turn.lock()
        try {
            return work()
        } finally {
            turn.unlock()
        }
    }

    private Object busy(Closure work) {
        synchronized (worker) { working++ }
        try {
            return work()
        } finally {
            synchronized (worker) {
                working--
                idle = System.currentTimeMillis()
            }
        }
    }

    /** Ends the worker when nothing was asked of it for a while: its memory is free again. */
    private void watchIdle() {
        Thread.startDaemon("imagej-dl-idle") {
            while (true) {
                sleep(500)
                synchronized (worker) {
                    if (working || !idle || System.currentTimeMillis() - idle < 1000 * patience) continue
                    idle = 0
                    worker.close()
                }
            }
        }
    }

    /** Says it in a window, and ends the macro; without a screen throws it. */
    void tell(CommandError trouble) {
        lastTrouble = trouble.message
        say(trouble)
    }

    /** The same where there is no front yet. */
    static void say(CommandError trouble) {
        if (GraphicsEnvironment.isHeadless()) {
            Headless.fail(trouble)
            throw trouble
        }
        IJ.log("ImageJ-DL: " + trouble.message)
        IJ.showStatus("")
        IJ.showProgress(1.0)
        def words = wrapped(trouble.message).readLines().take(16).join("\n")
        inFront()
        // From the menu not by IJ.error: that says nothing once a macro has been aborted before,
        // and it would abort another macro that runs meanwhile.
        def thread = Thread.currentThread().name
        boolean macro = Interpreter.instance != null &&
            (thread.startsWith('Run$_') || thread.endsWith('Macro$'))
        if (macro) IJ.error("ImageJ-DL", words)
        else IJ.showMessage("ImageJ-DL", words)
    }

    /** Raises the message that comes now: it must not stand behind a training's windows. */
    private static void inFront() {
        Thread.startDaemon("imagej-dl-message") {
            for (i in 0..<100) {
                def shown = Window.windows.find { it instanceof MessageDialog && it.showing && it.title == "ImageJ-DL" }
                if (shown != null) {
                    EventQueue.invokeLater { shown.alwaysOnTop = true; shown.toFront() }
                    return
                }
                sleep(50)
            }
        }
    }

    /** Lines that a window has room for. */
    private static String wrapped(String words) {
        words.replaceAll(/(?m)(\S.{0,94})(?:[ \t]+|$)/, '$1\n').replaceAll(/\n+/, "\n")
    }
}
