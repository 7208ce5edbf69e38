"""The pixel size of drone photos, of files as cameras write them."""

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

import smalti as sm
from smalti.errors import GeoreferenceWarning, RasterError, ResolutionWarning
from smalti.mapping.fit import open_fitting
from smalti.raster.read import open_raster
from smalti.raster.scaled import Scaled
from smalti.raster.stretch import Stretched, parse_stretch
from tests.tiny import tiny_card, tiny_model

PACKET = (
    '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {}/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
DOWN = {"RelativeAltitude": "+80.00", "GimbalPitchDegree": "-89.90"}
FOCAL, FOCAL_35MM, WIDTH, HEIGHT, PLANE_X, PLANE_UNIT = 0x920A, 0xA405, 0xA002, 0xA003, 0xA20E, 0xA210
LENS = {FOCAL: 8.8, FOCAL_35MM: 24, WIDTH: 600, HEIGHT: 400}
DIAGONAL = math.hypot(600, 400)


def photo(folder: Path, xmp: dict[str, str], exif: dict[int, float], size: tuple[int, int] = (600, 400)) -> Path:
    entries = Image.Exif()
    entries.get_ifd(0x8769).update(exif)
    packet = PACKET.format(" ".join(f'drone-dji:{name}="{value}"' for name, value in xmp.items())).encode()
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photo.jpg", exif=entries, **({"xmp": packet} if xmp else {}))
    return folder / "photo.jpg"


def metres(*of: object) -> float | None:
    with open_raster(photo(*of)) as reader:  # type: ignore[arg-type]
        return reader.photo_m


@pytest.mark.parametrize(
    ("xmp", "exif", "expected"),
    [
        (DOWN, LENS, 80 / (24 / math.hypot(36, 24) * DIAGONAL)),  # 13.2 mm across: 80 * 13.2 / 8.8 / 600
        (DOWN, {FOCAL: 8.8, PLANE_X: 454.54, PLANE_UNIT: 3}, 80 / (8.8 * 454.54 / 10)),
        (DOWN, {FOCAL: 8.8, PLANE_X: 1154.5, PLANE_UNIT: 2}, 80 / (8.8 * 1154.5 / 25.4)),
        (DOWN | {"CalibratedFocalLength": "398.5"}, LENS, 80 / 398.5),
        (DOWN | {"CalibratedFocalLength": "797.0"}, LENS | {WIDTH: 1200, HEIGHT: 800}, 80 / 398.5),  # made smaller
        (DOWN | {"AboveGroundAltitude": "60"}, LENS, 60 / (24 / math.hypot(36, 24) * DIAGONAL)),
        ({"RelativeAltitude": "80"}, LENS, 80 / (24 / math.hypot(36, 24) * DIAGONAL)),
    ],
)
def test_it_is_height_over_focal_length(
    xmp: dict[str, str], exif: dict[int, float], expected: float, tmp_path: Path
) -> None:
    assert metres(tmp_path, xmp, exif) == pytest.approx(expected, rel=1e-3)


def test_a_sensor_of_13_2_mm_gives_the_size_of_its_geometry(tmp_path: Path) -> None:
    assert metres(tmp_path, DOWN, LENS) == pytest.approx(80 * 13.2 / 8.8 / 600, rel=2e-3)


@pytest.mark.parametrize(
    ("xmp", "exif"),
    [
        ({}, LENS),
        ({"GimbalPitchDegree": "-90"}, LENS),
        (DOWN | {"GimbalPitchDegree": "-45.0"}, LENS),  # oblique: no one size
        (DOWN | {"RelativeAltitude": "-3.1"}, LENS),
        (DOWN | {"RelativeAltitude": "high"}, LENS),
        (DOWN | {"RelativeAltitude": "80/0"}, LENS),
        (DOWN, {FOCAL: 8.8}),
        (DOWN, LENS | {FOCAL_35MM: 0, FOCAL: 0}),
        (DOWN, LENS | {WIDTH: 600, HEIGHT: 800}),  # cropped
    ],
)
def test_where_metadata_do_not_tell_it_is_unknown(xmp: dict[str, str], exif: dict[int, float], tmp_path: Path) -> None:
    assert metres(tmp_path, xmp, exif) is None


def test_it_stands_for_a_missing_georeference(tmp_path: Path) -> None:
    path = photo(tmp_path, DOWN, LENS)  # 0.2 m
    card = tiny_card(resolution=(0.4, 0.8))

    def opened(bands: object, *, resolution: float | None) -> object:
        return open_raster(path, bands, resolution=resolution)  # type: ignore[arg-type]

    heard: list[Warning] = []
    open_fitting("photo.jpg", opened, card, None, "native", heard.append).close()  # type: ignore[arg-type]
    assert [type(warning) for warning in heard] == [ResolutionWarning, GeoreferenceWarning]
    assert "pixels of 0.2 m (by its flight height and focal length), model tiny was trained for 0.4 to 0.8 m" in str(
        heard[0]
    )
    with open_fitting("photo.jpg", opened, card, None, "auto", heard.append) as reader:  # type: ignore[arg-type]
        assert isinstance(reader, Scaled) and (reader.seen.grid.height, reader.seen.grid.width) == (200, 300)
        assert reader.seen.photo_m == pytest.approx(0.4, rel=1e-3) and reader.photo_m == pytest.approx(0.2, rel=0.02)
        assert reader.notes == {"SMALTI_PIXEL_M": f"{reader.photo_m:.4g}", "SMALTI_NETWORK_PIXEL_M": "0.4"}
        with Stretched(reader, parse_stretch("0,128"), lambda: reader) as bytes_of_it:
            assert {"SMALTI_PIXEL_M", "SMALTI_STRETCH", "SMALTI_STRETCH_VALUES"} <= set(bytes_of_it.notes)
    with pytest.raises(RasterError, match="it has no CRS, so it cannot be resampled"):
        open_raster(photo(tmp_path, {}, LENS), resolution=0.4)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_map_of_it_has_its_pixels_and_the_network_those_of_the_model(tmp_path: Path) -> None:
    model = sm.open_model(tiny_model(tmp_path / "tiny.onnx", tiny_card(resolution=(0.4, 0.8))))
    with pytest.warns(GeoreferenceWarning):
        done = sm.map(photo(tmp_path, DOWN, LENS), tmp_path / "map.tif", model=model)
    with open_raster(done.path, expand=False) as made:
        assert (made.grid.height, made.grid.width, made.grid.crs) == (400, 600, None)
    with rasterio.open(done.path) as file:
        assert float(file.tags()["SMALTI_PIXEL_M"]) == pytest.approx(0.2, rel=0.02)
        assert file.tags()["SMALTI_NETWORK_PIXEL_M"] == "0.4"
