"""A teaching project: a folder with the model's name, the classes, and the strokes of each scene.

PROJECT/teach.toml      the model, the classes and their colours, the scenes with their strokes, and the bands of scenes
PROJECT/strokes/        the strokes of each scene: GPKG, GeoJSON, FlatGeobuf, or a class raster
PROJECT/features/       what the model computes at the strokes; it can be deleted and is computed again
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from smalti.card import RGB
from smalti.errors import DataError, LabelError, reason
from smalti.files import deliver
from smalti.raster.files import is_url
from smalti.raster.geopackage import opened
from smalti.raster.palette import parse_color, to_hex

NAME = "teach.toml"
STROKES, FEATURES = "strokes", "features"
_COPIED = (".gpkg", ".geojson", ".json", ".fgb", ".tif", ".tiff", ".png")


Color = Annotated[RGB, BeforeValidator(lambda text: parse_color(str(text)))]


class _Scene(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    image: str
    strokes: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str = "landcover"
    classes: dict[str, list[str]] = Field(default_factory=dict)
    colors: dict[str, Color] = Field(default_factory=dict)
    bands: dict[str, list[str | int]] = Field(default_factory=dict)
    scenes: list[_Scene] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Painted:
    """A scene and a file of strokes on it."""

    image: str
    """A path or URL."""
    strokes: Path


@dataclass(frozen=True)
class Project:
    """What a project's file states."""

    folder: Path
    model: str = "landcover"
    classes: dict[str, list[str]] = field(default_factory=dict)
    painted: tuple[Painted, ...] = ()
    colors: dict[str, RGB] = field(default_factory=dict)
    """Of classes, where they are not the model's; of others, which have no strokes yet, too."""
    bands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By scene, as `Painted.image` names it: its bands for the model, by name or by number from 1, in the model's
    order. Scenes whose bands are the model's have no entry.
    """

    def features(self, image: str) -> Path:
        """Where the examples of a scene are stored."""
        return self.folder / FEATURES / f"{Path(image).stem[:40]}-{sha256(image.encode()).hexdigest()[:8]}.npz"

    def with_strokes(self, image: str, strokes: Path) -> "Project":
        """The project with a copy of a file of strokes; unchanged if it holds the same strokes of that scene.

        LabelError for a file that does not exist or cannot be copied.
        """
        image = scene_name(image)
        content = _content(strokes)
        if any(each.image == image and _content(each.strokes) == content for each in self.painted):
            return self
        target = _free(self.folder / STROKES, strokes)
        deliver(target, content)
        return replace(self, painted=(*self.painted, Painted(image, target)))

    def with_bands(self, image: str, bands: Sequence[str | int]) -> "Project":
        """The project with the bands of a scene."""
        return replace(self, bands={**self.bands, scene_name(image): tuple(map(str, bands))})

    def save(self) -> None:
        """Writes the project's file, which appears whole or not at all; OutputError."""
        lines = ["# smalti teach learns these strokes again, and writes a model.", f"model = {_text(self.model)}"]
        if self.classes:
            lines += ["", "[classes]", *(f"{_text(name)} = {_text(taken)}" for name, taken in self.classes.items())]
        if self.colors:
            lines += [
                "",
                "[colors]",
                *(f"{_text(name)} = {_text(to_hex(color))}" for name, color in self.colors.items()),
            ]
        if self.bands:
            lines += ["", "[bands]", *(f"{_text(image)} = {_text(bands)}" for image, bands in self.bands.items())]
        for each in self.painted:
            strokes = each.strokes.relative_to(self.folder).as_posix()
            lines += ["", "[[scenes]]", f"image = {_text(each.image)}", f"strokes = {_text(strokes)}"]
        deliver(self.folder / NAME, ("\n".join(lines) + "\n").encode())


def scene_name(image: str) -> str:
    """A scene as a project names it."""
    return image if is_url(image) else str(Path(image).resolve())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def check_kind(strokes: Path) -> None:
    """LabelError for a file that strokes are not read from."""
    if strokes.suffix.lower() not in _COPIED:
        raise LabelError(f"{strokes}: strokes are read from {', '.join(_COPIED)}; convert it: ogr2ogr OUT.gpkg IN")


def _content(strokes: Path) -> bytes:
    check_kind(strokes)
    try:
        content = strokes.read_bytes()
    except OSError as error:
        raise LabelError(f"{strokes}: the strokes cannot be read: {reason(error)}") from None
    return _of_geopackage(strokes) if strokes.suffix.lower() == ".gpkg" else content


def _of_geopackage(strokes: Path) -> bytes:
    """With what another program, such as QGIS, has saved to the journal beside it; LabelError."""
    with opened(strokes) as file:
        file.execute("SELECT count(*) FROM sqlite_master")  # a file that is none is refused here
        content = bytearray(file.serialize())
    if content[18:20] == b"\2\2":
        content[18:20] = b"\1\1"  # the copy has no journal
    return bytes(content)


def _free(folder: Path, strokes: Path) -> Path:
    """A path that no other strokes have."""
    number, target = 2, folder / strokes.name
    while target.exists():
        target, number = folder / f"{strokes.stem}-{number}{strokes.suffix}", number + 1
    return target


def load_project(folder: Path) -> Project:
    """Reads a project; an empty one where there is no file yet. DataError for one that is invalid."""
    path = folder / NAME
    if not path.exists():
        return Project(folder)
    try:
        stated = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: is no valid TOML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    painted = (Painted(scene.image, _inside(folder, scene.strokes)) for scene in stated.scenes)
    bands = {image: tuple(map(str, chosen)) for image, chosen in stated.bands.items()}
    return Project(folder, stated.model, dict(stated.classes), tuple(painted), dict(stated.colors), bands)


def _inside(folder: Path, strokes: str) -> Path:
    """DataError for a file of strokes that is not the project's own."""
    path = Path(strokes)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        text = f"scenes: the strokes {strokes!r} lie outside of the project; expected {STROKES}/FILE"
        raise DataError(f"{folder / NAME}: {text}: delete the entry, and add them by --add SCENE {strokes}")
    return folder / path
