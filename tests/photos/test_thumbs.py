import numpy as np
import pytest
from PIL import Image

from smalti.errors import OutputError
from smalti.photos.thumbs import SIDE, keep_thumb, thumbs_of, write_thumbs
from tests.photos.results import photo


def draw(path, height, width, **options):
    """Red on the left, blue on the right, black below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height * 3 // 4, : width // 2, 0] = pixels[: height * 3 // 4, width // 2 :, 2] = 250
    Image.fromarray(pixels).save(path, **options)
    return photo(path)


def read(folder, name):
    with Image.open(folder / name) as image:
        return np.asarray(image).astype(int)


@pytest.mark.parametrize(
    ("height", "width", "ending", "size"),
    [
        (2000, 4000, "jpg", (SIDE // 2, SIDE)),  # an eighth
        (900, 1000, "jpg", (432, SIDE)),  # a half
        (700, 500, "jpg", (SIDE, 343)),
        (700, 900, "png", (373, SIDE)),
        (30, 20, "png", (30, 20)),
        (1, 3000, "tif", (1, SIDE)),
    ],
)
def test_a_thumbnail_is_small_and_shows_the_photo(tmp_path, height, width, ending, size):
    shot = draw(tmp_path / f"1.{ending}", height, width)
    names = write_thumbs([shot], tmp_path / "new" / "thumbs")
    assert list(names) == [shot.sha256]
    seen = read(tmp_path / "new" / "thumbs", names[shot.sha256])
    assert seen.shape == (*size, 3)
    if height > 1:
        assert seen[2, 2, 0] > 180 > 70 > seen[2, 2, 2] and seen[2, -3, 2] > 180 and seen[-3].max() < 70


@pytest.mark.parametrize("side", [1200, 300])
def test_a_thumbnail_is_upright(tmp_path, side):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter: what is stored on the left comes to the top
    shot = draw(tmp_path / "1.jpg", side // 2, side, exif=exif)
    seen = read(tmp_path, write_thumbs([shot], tmp_path)[shot.sha256])
    assert seen.shape[0] == 2 * seen.shape[1]
    assert seen[2, -3, 0] > 180 and seen[-3, -3, 2] > 180 and seen[:, 2].max() < 70


def test_what_is_there_is_kept_unless_it_was_cut(tmp_path):
    shot = draw(tmp_path / "1.jpg", 600, 800)
    (name,) = write_thumbs([shot, shot], tmp_path / "t").values()
    thumb = tmp_path / "t" / name
    before = thumb.stat().st_mtime_ns
    write_thumbs([shot], tmp_path / "t")
    assert thumb.stat().st_mtime_ns == before
    content = thumb.read_bytes()
    thumb.write_bytes(content[:-9])
    write_thumbs([shot], tmp_path / "t")
    assert thumb.read_bytes() == content


def test_a_decoded_photo_is_not_decoded_again(tmp_path):
    shot = photo(tmp_path / "gone.jpg")
    picture = np.zeros((3000, 6000, 3), np.uint8)
    picture[:, 3000:] = 255
    keep_thumb(tmp_path, shot, picture)
    seen = read(tmp_path, write_thumbs([shot], tmp_path)[shot.sha256])
    assert seen.shape == (SIDE // 2, SIDE, 3) and seen[:, 3].max() < 5 and seen[:, -3].min() > 250


def test_a_photo_that_cannot_be_read_has_none(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no photo")
    assert write_thumbs([photo(tmp_path / "1.jpg")], tmp_path) == {}


def test_no_place_for_thumbnails_is_one_line(tmp_path):
    folder = thumbs_of(tmp_path / "page.html")
    folder.touch()
    with pytest.raises(OutputError, match=r"cannot be written"):
        write_thumbs([draw(tmp_path / "1.jpg", 30, 40)], folder)
