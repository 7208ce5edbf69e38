from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from smalti.cli.stats import command
from tests.zones.maps import box, class_map, zone_file


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    ids = np.zeros((10, 10), np.uint8)
    ids[:, 5:] = 1
    zones = [box(0, 0, 10, 10), box(4.5, 0, 7, 2), box(20, 20, 21, 21)]
    zone_file(tmp_path / "zones.gpkg", zones, name=["all", "part", "far"])
    return [str(class_map(tmp_path / "map.tif", ids)), str(tmp_path / "zones.gpkg")]


def test_a_table_is_printed(files: list[str]) -> None:
    done = CliRunner().invoke(command, files)
    assert done.exit_code == 0, done.output
    heading, *lines = done.stdout.splitlines()
    assert heading == "hectares per class, 3 zones, 1 map"
    assert [line.split() for line in lines] == [
        ["zone", "land", "water", "wood", "nodata"],
        ["all", "0.02002", "0.02002", "0", "0"],
        ["part", "0.0004003", "0.001601", "0", "0"],
        ["far", "0", "0", "0", "0"],
    ]
    assert done.stderr == f"warning: {files[1]}: 1 of 3 zones (features 3) on no map; their rows are 0\n"


def test_a_file_is_written(files: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [*files, "-o", str(tmp_path / "areas.csv")])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{tmp_path / 'areas.csv'}: 3 zones, 1 map\n"
    assert (tmp_path / "areas.csv").read_text("utf-8-sig").startswith("feature,zone_ha,name,land_ha,land_share,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "areas.txt"], "its ending must be one of .csv, .json, .gpkg"),
        (["--layer"], "requires an argument"),
    ],
)
def test_wrong_usage_ends_in_code_2(files: list[str], arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(command, [*files, *arguments])
    assert done.exit_code == 2 and message in done.output
