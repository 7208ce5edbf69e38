"""The API's whole walk as a person writes it, in a process without torch, or with it where something is trained."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import smalti as sm

sm.draw(256, seed=7).save("scene.tif")
array_or_path = sm.draw(256, seed=7).image

model = sm.open_model("landcover")
p = sm.predict(array_or_path, model)
print(p.classes.shape, p.probabilities("landcover").shape, p.valid.all(), p.grid.height, len(p._repr_html_()) > 500)
p.to_raster("prediction.tif")
m = sm.map("scene.tif", "map.tif", model=model, tta=True, polygons="map.gpkg")
print([path.name for path in m.paths], m.summary.tiles)
with sm.open_raster("scene.tif") as r:
    print(r.read(sm.Window(0, 0, 8, 9))[0].shape, r.grid.width)
sm.draw(256, seed=8).save("folder/other.tif")
e = sm.evaluate(model, "folder")
print(0 < e.scores.miou < 1, "protocol" in str(e), sorted(e.to_dict())[:2])
print(sm.draw(64, seed=7).classes.shape)
"""
PRINTED = """(256, 256) (5, 256, 256) True 256 True
['map.tif', 'map.gpkg'] 1
(3, 8, 9) 256
True True ['calibration', 'classes']
(64, 64)
"""
BLOCKED = ("torch", "lightning", "safetensors", "onnx", "matplotlib", "xarray", "tqdm")


@pytest.mark.slow
def test_the_script_runs_without_torch_and_prints_only_what_it_prints(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    block = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in BLOCKED)
    command = [sys.executable, "-W", "error", "-c", block + SCRIPT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout == PRINTED
