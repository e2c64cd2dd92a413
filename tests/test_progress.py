import io

import pytest

from imagej_dl import progress


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("screen", [True, False])
def test_notes_stand_beside_the_bar_or_on_lines_of_their_own(monkeypatch, screen):
    heard = Screen() if screen else io.StringIO()
    monkeypatch.setattr("sys.stderr", heard)
    listener = progress.terminal()
    listener("training", 0, 1000)
    listener("training", 500, 1000)
    progress.note(listener, "epoch 1/2 Dice 0.9")
    listener("training", 1000, 1000)
    text = heard.getvalue()
    if screen:
        assert "50%" in text
        assert text.rindex("100%") < text.rindex("epoch 1/2 Dice 0.9")
        assert "\nepoch" not in text
    else:
        assert text == "epoch 1/2 Dice 0.9\n"


def test_a_listener_without_notes_hears_none():
    heard = []
    progress.note(lambda *said: heard.append(said), "words")
    assert heard == []


def test_stages_have_bars_of_their_own(monkeypatch):
    heard = Screen()
    monkeypatch.setattr("sys.stderr", heard)
    listener = progress.terminal()
    for done in range(3):
        listener("images", done, 3)
        for part in range(3):
            listener("tiles", part, 2)
    listener("images", 3, 3)
    assert "images: 100%" in heard.getvalue()
    assert heard.getvalue().count("tiles: 100%") >= 3
