import json

import pytest


@pytest.fixture
def write_config(tmp_path):
    """Write a configuration whose folders are in `tmp_path`, with more or other keys."""

    def write(**more):
        content = {
            "cnn_name": "mobilenet_mobileunet_lstm_",
            "OUTPUTPATH": str(tmp_path / "out"),
            "TRAINPATH": str(tmp_path / "train"),
            "VALPATH": str(tmp_path / "val"),
            "TESTPATH": str(tmp_path / "test"),
        }
        path = tmp_path / "config.json"
        path.write_text(json.dumps(content | more))
        return path

    return write
