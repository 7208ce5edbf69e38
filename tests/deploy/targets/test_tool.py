import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from smalti.deploy.targets.ncnn import check_layers
from smalti.deploy.targets.tflite import refused
from smalti.deploy.targets.tool import Tool
from smalti.errors import ExportError, MissingToolError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs here are shell scripts")
TOOL = Tool("convert-it", "convert-it engine", "1 GB", "json")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of programs: the only one on PATH, as that of an environment."""
    home = tmp_path / "bin"
    home.mkdir()
    (home / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    return home


def install(folder: Path, script: str) -> None:
    program = folder / "convert-it"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_a_missing_program_is_named_with_the_line_that_installs_it(folder: Path) -> None:
    with pytest.raises(MissingToolError, match=r"^convert-it is not .*: pip install convert-it engine \(1 GB;"):
        TOOL.find()


def test_so_is_an_engine_that_its_environment_lacks(folder: Path) -> None:
    install(folder, "exit 0")
    assert TOOL.find().name == "convert-it"
    with pytest.raises(MissingToolError, match=r"no_such_engine, beside .*convert-it, is not installed"):
        Tool("convert-it", "a", "1 GB", "no_such_engine").find()


def test_it_runs_in_the_folder_without_this_process_s_python_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    install(folder, 'echo "$1 in $(pwd), path [$PYTHONPATH]"')
    assert TOOL.convert(["a"], tmp_path) == f"a in {tmp_path}, path []\n"


def test_a_failure_names_the_first_line_with_an_error(folder: Path, tmp_path: Path) -> None:
    install(folder, 'echo reading; echo "ERROR: no operator GridSample"; echo "Traceback"; exit 1')
    with pytest.raises(ExportError, match=r"convert-it failed: ERROR: no operator GridSample$"):
        TOOL.convert([], tmp_path)
    install(folder, r"printf '\033[31mERROR:\033[0m see below\nERROR: onnx_op_name: node_grid_sampler\n'; exit 1")
    with pytest.raises(ExportError, match=r"failed: ERROR: onnx_op_name: node_grid_sampler$"):
        TOOL.convert([], tmp_path)
    install(folder, "echo reading; echo stopped; exit 1")
    with pytest.raises(ExportError, match=r"convert-it failed: stopped$"):
        TOOL.convert([], tmp_path)


def test_its_python_runs_the_result(folder: Path, tmp_path: Path) -> None:
    install(folder, "exit 0")
    script = tmp_path / "run.py"
    script.write_text(
        "import struct, sys, zipfile\n"  # the interpreter here has no numpy: arrays are copied as they are
        "given, out = zipfile.ZipFile(sys.argv[2]), zipfile.ZipFile(sys.argv[3], 'w')\n"
        "with out:\n"
        "    for k, name in enumerate(sorted(given.namelist())):\n"
        "        for at in range(2):\n"
        "            out.writestr(f'{k:03d}_{at}.npy', given.read(name))\n"
        "    out.writestr('seconds.npy', given.read('arr_0.npy'))\n"
    )
    tiles = [np.full((1, 2, 3), k, np.uint8) for k in range(3)]
    ran = TOOL.run(script, tmp_path / "model", tiles)
    assert [[array.dtype.name for array in arrays] for arrays in ran.outputs] == [["float32"] * 2] * 3
    assert [arrays[1].max() for arrays in ran.outputs] == [0, 1, 2]


def test_a_relative_path_of_a_model_is_found_by_the_engine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(folder, "exit 0")
    monkeypatch.chdir(tmp_path)
    Path("own.param").write_text("a model")
    script = tmp_path / "run.py"
    script.write_text("import sys\nprint(open(sys.argv[1]).read())\nsys.exit('error: read ' + sys.argv[1])\n")
    with pytest.raises(ExportError, match=f"json failed: error: read {tmp_path / 'own.param'}$"):
        TOOL.run(script, Path("own.param"), [np.zeros((1, 3, 8, 8), np.uint8)])


def test_ncnn_names_the_operator_that_it_lacks(tmp_path: Path) -> None:
    param = tmp_path / "own.param"
    param.write_text("7767517\n3 3\nInput in0 0 1 in0\nConvolution conv 1 1 in0 1 0=8\n")
    check_layers(param)
    param.write_text(f"{param.read_text()}F.grid_sample warp 2 1 1 2 3\n")
    with pytest.raises(ExportError, match=r"ncnn has no operator for F\.grid_sample"):
        check_layers(param)


def test_onnx2tf_names_the_operator_that_it_lacks() -> None:
    said = "reading\nERROR: onnx_op_type: GridSample is not supported\nERROR: see the list of operators\n"
    assert "GridSample" in refused(said)
    assert refused("") == "it says nothing"
