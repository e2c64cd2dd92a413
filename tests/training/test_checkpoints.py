from types import SimpleNamespace

from imagej_dl.training.checkpoint import Checkpoints


def test_weights_are_kept_when_a_multiple_of_the_batches_is_reached(tmp_path):
    keep = Checkpoints(tmp_path, every=25, steps=10)
    model = SimpleNamespace(save_weights=lambda path: path.write_text("w"))
    for number in range(1, 8):
        bundle = SimpleNamespace(model=model) if number > 1 else None  # told again after a resume
        keep(SimpleNamespace(epoch=number, bundle=bundle))
    names = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    # 25 batches are over in epoch 3, 50 in epoch 5; 70 are the end.
    assert names == ["00003.weights.h5", "00005.weights.h5", "last.weights.h5"]
