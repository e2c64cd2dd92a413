"""A real Chromium, without a screen, told what to do over a pipe (DevTools protocol)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

FOUND = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


class Browser:
    """One page of a headless Chromium; `close` ends it."""

    def __init__(self, profile: Path, width: int = 1150, height: int = 900) -> None:
        assert FOUND is not None
        told_read, told_write = os.pipe()
        heard_read, heard_write = os.pipe()

        def ends() -> None:
            # Chromium reads its orders from descriptor 3 and answers on 4.
            orders, answers = os.dup(told_read), os.dup(heard_write)
            os.dup2(orders, 3)
            os.dup2(answers, 4)

        self._process = subprocess.Popen(
            [
                FOUND,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-pipe",
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            preexec_fn=ends,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(told_read)
        os.close(heard_write)
        self._told, self._heard = told_write, os.fdopen(heard_read, "rb")
        self._number, self._session = 0, ""
        pages = self("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.messages: list[str] = []
        self("Page.enable")
        self("Runtime.enable")
        self("Log.enable")

    def __call__(self, method: str, **values: Any) -> dict[str, Any]:
        """Give an order and return the answer."""
        self._number += 1
        order: dict[str, Any] = {"id": self._number, "method": method, "params": values}
        if self._session:
            order["sessionId"] = self._session
        os.write(self._told, json.dumps(order).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.messages.append(json.dumps(answer["params"]))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _read(self) -> bytes:
        found = bytearray()
        while (byte := self._heard.read(1)) not in (b"\0", b""):
            found += byte
        assert byte, "the browser has ended"
        return bytes(found)

    def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page."""
        answer = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 60) -> Any:
        """Wait until JavaScript is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.run(script):
                return found
            time.sleep(0.2)
        raise AssertionError(f"{script} never came true: {self.run('document.body.innerText')}")

    def choose_files(self, selector: str, files: list[Path]) -> None:
        """Choose files in an input, as a user does in its dialog."""
        root = self("DOM.getDocument")["root"]["nodeId"]
        node = self("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write what is seen as PNG."""
        answer = self("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        """End the browser."""
        try:
            self._session = ""
            self("Browser.close")
        except (AssertionError, OSError):
            pass
        os.close(self._told)
        self._heard.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
