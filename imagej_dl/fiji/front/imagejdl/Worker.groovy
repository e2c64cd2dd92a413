package imagejdl

import org.apposed.appose.Appose
import org.apposed.appose.Service
import org.apposed.appose.Service.TaskStatus
import org.apposed.appose.TaskEvent
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/** The Python process that works for ImageJ, through Appose. One at a time does one thing. */
class Worker {
    /** After a cancel the work has this long to end by itself and keep what it has. */
    static final int GRACE_MS = 30_000
    private static final Set ENDED =
        [TaskStatus.COMPLETE, TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.CRASHED] as Set

    final File python
    private Service service

    Worker(File python) { this.python = python }

    /**
     * Calls a function of imagej_dl.worker.
     * cancelled: asked ten times a second; update: hears TaskEvents.
     */
    Map call(String function, Map inputs, Closure<Boolean> cancelled = { false },
             Closure update = { TaskEvent event -> }) {
        def names = inputs.keySet().collect { "$it=$it" }.join(", ")
        // run() reports through the task, and does its work in the process' main thread.
        boolean main = function == "run"
        def script = "from imagej_dl import worker\nworker.$function(${main ? 'task, ' : ''}$names)"
        def task = started().task(script, inputs, main ? "main" : null)
        def told = new CountDownLatch(1)
        task.listen { event ->
            if (event.responseType.terminal) told.countDown()
            if (event.responseType.name() != "UPDATE") return
            try {
                update(event)
            } catch (Exception error) {
                error.printStackTrace()  // a picture that fails must not stop the work
            }
        }
        task.start()
        long since = 0
        while (!ENDED.contains(task.status)) {
            sleep(since || !main ? 20 : 50)
            if (!since && cancelled()) {
                task.cancel()
                since = System.currentTimeMillis()
            } else if (since && System.currentTimeMillis() - since > GRACE_MS) {
                kill()
                return [cancelled: true, text: "", killed: true]
            }
        }
        // Appose calls a task complete before its outputs are there, and tells listeners after that.
        told.await(5, TimeUnit.SECONDS)
        if (task.status == TaskStatus.COMPLETE) return task.outputs
        throw new CommandError(why(task.status, task.error))
    }

    boolean isAlive() { service != null && service.isAlive() }

    /** Ends the process when its work is done: its memory, and the GPU's, is free again. */
    synchronized void close() {
        if (service != null) service.close()
        service = null
    }

    synchronized void kill() {
        if (service != null) service.kill()
        service = null
    }

    private synchronized Service started() {
        if (isAlive()) return service
        if (!python.isFile()) throw new CommandError("$python: does not exist any " +
            "more. Install imagej-dl there again, or run `imagej-dl install` from where it is now.")
        def bin = python.parentFile
        def base = bin.name in ["bin", "Scripts"] ? bin.parentFile : bin
        def environment = ApposeLoader.within { Appose.custom().base(base).binPaths(bin.path).build() }
        // On Windows NumPy must be imported before the process listens.
        def made = ApposeLoader.within { environment.python().init("import numpy") }
        // Its threads take after the one that starts them, and must not keep Java from ending.
        def failure = null
        Thread.startDaemon("imagej-dl-worker") {
            try {
                ApposeLoader.within { made.start() }
            } catch (IOException error) {
                failure = error
            }
        }.join()
        if (failure != null) throw new CommandError("$python: does not start ($failure.message)")
        service = made
        return service
    }

    private String why(TaskStatus status, String error) {
        def lines = service?.errorLines() ?: []
        kill()
        if (status == TaskStatus.CRASHED) return "The worker process ended unexpectedly " +
            "(killed, or out of memory). Your images and ROIs are as they were; run the command " +
            "again, a training with Resume." + (lines ? "\n" + lines.takeRight(5).join("\n") : "")
        if (error?.contains("No module named 'imagej_dl'"))
            return "imagej-dl is not installed in $python. Run `imagej-dl install` from where it is."
        def last = (error ?: "no message").trim().readLines().last()
        return "imagej-dl failed: $last\n \n${error ?: ''}"
    }
}
