"""A `java` of its own, with no Python in it: what `imagej-dl install` makes a Fiji be.

On its class path is a whole Fiji, or only ImageJ 1.54p, Groovy and Appose from Maven Central.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import forking
from own_process import QUICK_JAVA

QUICK = "epochs=1 width=4 depth=1 patch=32 batch=2"
"""A training of seconds."""
OPENS = "--add-opens=java.base/java.lang=ALL-UNNAMED"

SCIJAVA = "org.scijava:scijava-common:2.99.0"
"""Whose threads a Fiji runs scripts in."""

# In a Fiji the installed scripts are commands, and run in a thread that the macro's waits for; in
# ImageJ alone this makes them so.
LISTENER = """\
def scripts = new File(System.getProperty("scripts"))
def service = org.scijava.thread.ThreadService
def threads = new org.scijava.Context(service).service(service)
ij.Executer.addCommandListener({ String command ->
    def file = new File(scripts, command.replace(" ", "_") + ".groovy")
    if (!file.isFile()) return command
    def options = ij.Macro.options
    def work = {
        Thread.currentThread().name = 'Run$_SciJava'
        ij.Macro.options = options
        new GroovyShell(this.class.classLoader).evaluate(file)
    }
    try {
        threads.run(work as java.util.concurrent.Callable).get()
    } catch (java.util.concurrent.ExecutionException error) {
        throw error.cause
    }
    return null
} as ij.CommandListener)
"""


def central() -> list[Path]:
    """Jars from Maven Central: ImageJ, its patcher, Appose, Groovy, SciJava's threads."""
    import jgo

    from imagej_dl.fiji import gateway, menu

    environment = jgo.build(
        endpoint="+".join([menu.APPOSE, gateway.PATCHER, SCIJAVA, gateway.EMBEDDED]),
        repositories={},
        resolver=jgo.maven.PythonResolver(lenient=True),
    )
    return list(environment.all_jars)


def looks_like_a_fiji(home: Path, jars: list[Path] | None = None) -> Path:
    """Make a folder with what `install` asks for: real jars, or empty ones."""
    (home / "jars").mkdir(parents=True)
    for name in ("appose-0.9.0.jar", "groovy-4.0.28.jar") if jars is None else ():
        (home / "jars" / name).touch()
    for jar in jars or ():
        shutil.copy(jar, home / "jars")
    return home


def plain(
    home: Path,
    folder: Path,
    groovy: str,
    display: bool,
    timeout: float = 150,
    jars: Path | None = None,
) -> Any:
    """Run Groovy in a JVM with the jars of `home` only; it knows `out`, a map, and `folder`.

    jars : the folder whose jars these are, if it is another one than that with the scripts.

    Returns the finished process, with `out` as it was left in its attribute `found`.
    """
    script = folder / "test.groovy"
    told = folder / "out.json"
    head = f'out = [:]\nfolder = "{folder}"\n'
    tail = f'\nnew File("{told}").text = groovy.json.JsonOutput.toJson(out)\nSystem.exit(0)\n'
    script.write_text(LISTENER + head + groovy + tail, encoding="utf-8")
    (folder / "first.groovy").write_text(
        # The patches must come before the first class of ImageJ.
        "net.imagej.patcher.LegacyInjector.preinit()\n"
        f'new GroovyShell(this.class.classLoader).evaluate(new File("{script}"))\n',
        encoding="utf-8",
    )
    command = ["java", *QUICK_JAVA, f"-Dscripts={home}/scripts/Plugins/ImageJ-DL"]
    command += [f"-Dplugins.dir={home}", "-cp", f"{jars or home}/jars/*"]
    if display:
        command += ["groovy.ui.GroovyMain", str(script)]
    else:
        command += [OPENS, "-Djava.awt.headless=true", "groovy.ui.GroovyMain"]
        command += [str(folder / "first.groovy")]
    return _finished(command, told, timeout)


def fiji(home: Path, *arguments: str, told: Path | None = None, timeout: float = 150) -> Any:
    """Start a Fiji folder as its launcher does in Java mode."""
    # As the launcher reads it: AWT must know before ImageJ's own reading of --headless.
    headless = ["-Djava.awt.headless=true"] if "--headless" in arguments else []
    command = ["java", *QUICK_JAVA, *headless, OPENS, f"-Dimagej.dir={home}"]
    command += [f"-Dplugins.dir={home}", "-cp", f"{home}/jars/*:{home}/plugins/*"]
    command += ["net.imagej.Main", *arguments]
    return _finished(command, told, timeout)


def copy_of(fiji_home: Path, home: Path) -> Path:
    """Copy a Fiji folder; what nobody writes to as links to the same files."""

    def copy(source: str, target: str) -> None:
        if Path(source).suffix != ".jar":
            shutil.copy2(source, target)
            return
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    return Path(shutil.copytree(fiji_home, home, copy_function=copy))


def _finished(command: list[str], told: Path | None, timeout: float) -> Any:
    # No Python of ours: what the scripts say of the environment must be enough.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    kept |= forking.asking()
    try:
        done: Any = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=kept, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{error}\n{error.stdout}\n{error.stderr}") from error
    done.found = json.loads(told.read_text()) if told is not None and told.is_file() else None
    return done
