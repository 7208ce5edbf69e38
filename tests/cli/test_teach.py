import json
from pathlib import Path

from click.testing import CliRunner

from smalti.cli.teach import command
from smalti.errors import LabelError
from tests.lessons.places import noisy_scene, stroke_file


def test_a_lesson_prints_its_score(tmp_path: Path) -> None:
    scene, strokes = noisy_scene(tmp_path / "scene.tif", bands=4), stroke_file(tmp_path / "strokes.gpkg")
    arguments = [str(tmp_path / "p"), "-o", str(tmp_path / "own.onnx"), "--add", str(scene), str(strokes)]
    merged = ["--class", "smooth=land,water,building,vegetation,road", "--class", "noise=", "--bands", "3,2,1"]
    done = CliRunner().invoke(command, [*arguments, *merged])
    assert done.exit_code == 0, done.output
    first, second, third = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'own.onnx'}: 12 strokes on 1 scene, ")
    assert second.startswith("12 strokes held out: ") and third.startswith("1 place held out: ")
    text = (tmp_path / "p" / "teach.toml").read_text()
    assert f'{json.dumps(str(scene))} = ["3", "2", "1"]' in text
    assert '"noise" = []' in text and 'strokes = "strokes/strokes.gpkg"' in text


def test_a_class_needs_an_equals_sign(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path), "-o", "own.onnx", "--class", "noise"])
    assert done.exit_code == 2 and "is not NEW=OLD,OLD" in done.output


def test_a_class_is_given_once(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path), "-o", "own.onnx", "--class", "a=land", "--class", " a ="])
    assert done.exit_code == 2 and "class a is given twice" in done.output


def test_the_minutes_of_a_deep_lesson_are_above_0(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path), "-o", "own.onnx", "--deep", "--minutes", "0"])
    assert done.exit_code == 2 and "--minutes" in done.output


def test_a_deep_lesson_needs_more_than_a_few_strokes(tmp_path: Path) -> None:
    scene, strokes = noisy_scene(tmp_path / "scene.tif"), stroke_file(tmp_path / "strokes.gpkg")
    arguments = [str(tmp_path / "p"), "-o", str(tmp_path / "own.onnx"), "--add", str(scene), str(strokes)]
    classes = ["--class", "smooth=land,water,building,vegetation,road", "--class", "noise="]
    done = CliRunner().invoke(command, [*arguments, *classes, "--deep"])
    assert isinstance(done.exception, LabelError) and "a deep lesson holds out" in str(done.exception)
