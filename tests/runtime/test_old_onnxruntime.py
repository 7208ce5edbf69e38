"""Programs that pin an old ONNX Runtime run the bundled models: QGIS's Deepness has 1.17, which reads IR 9 at most."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from smalti.runtime.models import BUNDLED, verify
from smalti.runtime.open import open_model

NEWEST_IR = 9
OLD = os.environ.get("SMALTI_OLD_ONNXRUNTIME", "")
"""An interpreter with onnxruntime 1.17.0 and numpy below 2."""
MODELS = sorted(BUNDLED.glob("*.onnx"))

RUN = """
import sys, numpy, onnxruntime
assert onnxruntime.__version__ == "1.17.0", onnxruntime.__version__
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
given = dict(numpy.load(sys.argv[2]))
numpy.savez(sys.argv[3], *session.run(None, {entry.name: given[entry.name] for entry in session.get_inputs()}))
"""


@pytest.mark.parametrize("path", MODELS, ids=[path.stem for path in MODELS])
def test_bundled_models_say_that_they_can_be_read(path: Path) -> None:
    content = path.read_bytes()
    assert content[0] == 8  # the tag of ModelProto.ir_version
    assert content[1] <= NEWEST_IR


@pytest.mark.skipif(not OLD, reason="SMALTI_OLD_ONNXRUNTIME names no interpreter with onnxruntime 1.17.0")
@pytest.mark.parametrize("path", MODELS, ids=[path.stem for path in MODELS])
def test_the_old_engine_answers_alike(path: Path, tmp_path: Path) -> None:
    card, random = verify(path).card, np.random.default_rng(0)
    side = card.tile if card.net == "ranker" else 96
    image = random.integers(0, 255, (2, len(card.bands), side, side)).astype(np.float32)
    cues = random.standard_normal((2, len(card.options.get("cues", [])))).astype(np.float32)
    np.savez(tmp_path / "in.npz", image=image, cues=cues)
    subprocess.run([OLD, "-c", RUN, path, tmp_path / "in.npz", tmp_path / "out.npz"], check=True, timeout=120)
    with np.load(tmp_path / "out.npz") as file:
        answers = [file[name] for name in file.files]
    if card.net == "ranker":
        assert all(np.isfinite(answer).all() for answer in answers)
        return
    for answer, expected in zip(answers, open_model(str(path))(image).values(), strict=True):
        np.testing.assert_allclose(answer, expected, atol=1e-3)
