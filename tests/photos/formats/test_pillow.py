"""What Pillow decodes."""

from pathlib import Path

import numpy as np
from PIL import Image

from smalti.photos.read import read_photo


def test_a_doubtful_tag_is_read_past_without_a_warning(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    path = tmp_path / "big.tif"
    Image.fromarray(picture).save(path, big_tiff=True, tiffinfo={270: "a description that lies elsewhere"})
    content = path.read_bytes()
    tag = content.index(b"\x0e\x01\x02\x00")  # tag 270 of type 2; the number of letters and their place follow
    path.write_bytes(content[: tag + 4] + b"\xff\xff\xff\x00" + content[tag + 8 :])
    np.testing.assert_array_equal(read_photo(path), picture)  # tests take warnings for errors
