"""A teaching project: a folder with the model's name, the classes, and the strokes of each scene.

PROJECT/teach.toml      the model, the classes and their colours, the scenes with their strokes, and the bands of scenes
PROJECT/strokes/        the strokes of each scene: GPKG, GeoJSON, FlatGeobuf, or a class raster
PROJECT/features/       what the model computes at the strokes; it can be deleted and is computed again
"""

import itertools
import json
import os
import re
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
from smalti.raster.check import is_local
from smalti.raster.files import sidecars
from smalti.raster.geopackage import opened
from smalti.raster.image_labels import is_jpeg
from smalti.raster.palette import parse_color, to_hex
from smalti.runtime.models import find_model

NAME = "teach.toml"
STROKES, FEATURES = "strokes", "features"
_RASTERS = (".tif", ".tiff", ".png")
_COPIED = (".gpkg", ".geojson", ".json", ".fgb", *_RASTERS)


_PREFIX = re.compile(r"[A-Za-z][\w.+]*:")
"""Of a drive, of a URL, or of what GDAL does not take for a file: NETCDF:a.nc:red."""
_NOT_EVERYWHERE = re.compile(r'[<>:"\\|?*]')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Stems that Windows keeps for itself."""
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
    """A whole path or a URL."""
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
        files = _files(strokes)
        if any(each.image == image and _files(each.strokes) == files for each in self.painted):
            return self
        stem = _free(self.folder / STROKES, strokes.stem)
        target = self.folder / STROKES / f"{stem}{strokes.suffix}"
        for ending, content in files.items():
            deliver(target.with_name(f"{stem}{ending}"), content)
        return replace(self, painted=(*self.painted, Painted(image, target)))

    def with_bands(self, image: str, bands: Sequence[str | int]) -> "Project":
        """The project with the bands of a scene."""
        return replace(self, bands={**self.bands, scene_name(image): tuple(map(str, bands))})

    def save(self) -> None:
        """Writes the project's file, which appears whole or not at all; OutputError."""
        lines = [
            "# smalti teach learns these strokes again, and writes a model.",
            f"model = {_text(self._stated(self.model))}",
        ]
        if self.classes:
            lines += ["", "[classes]", *(f"{_text(name)} = {_text(taken)}" for name, taken in self.classes.items())]
        if self.colors:
            lines += [
                "",
                "[colors]",
                *(f"{_text(name)} = {_text(to_hex(color))}" for name, color in self.colors.items()),
            ]
        if self.bands:
            lines += [
                "",
                "[bands]",
                *(f"{_text(self._stated(image))} = {_text(bands)}" for image, bands in self.bands.items()),
            ]
        for each in self.painted:
            strokes = each.strokes.relative_to(self.folder).as_posix()
            lines += ["", "[[scenes]]", f"image = {_text(self._stated(each.image))}", f"strokes = {_text(strokes)}"]
        deliver(self.folder / NAME, ("\n".join(lines) + "\n").encode())

    def _stated(self, name: str) -> str:
        """A scene or model as the project's file has it: what lies in its folder moves with it."""
        folder, path = self.folder.resolve(), Path(name)
        return path.relative_to(folder).as_posix() if path.is_absolute() and path.is_relative_to(folder) else name


def scene_name(image: str) -> str:
    """A scene as a project names it."""
    return str(Path(image).resolve()) if os.path.exists(image) else image  # noqa: PTH110 - no error where it is barred


def model_name(model: str) -> str:
    """A model as a project names it: a file by its whole path; ModelError if there is none."""
    found = find_model(model)
    return model if found.is_absolute() else str(found.resolve())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def check_kind(strokes: Path) -> None:
    """LabelError for a file that strokes are not read from."""
    if strokes.suffix.lower() not in _COPIED:
        mend = "convert it: ogr2ogr OUT.gpkg IN, or gdal_translate IN OUT.tif"
        if is_jpeg(str(strokes)):
            mend = "JPEG changes values: save class ids as PNG or TIFF"
        raise LabelError(f"{strokes}: strokes are read from {', '.join(_COPIED)}; {mend}")


def _files(strokes: Path) -> dict[str, bytes]:
    """The content of a file of strokes and its side-cars, such as a world file, by what follows its stem.

    The file itself comes last, so that it is there only with all that belongs to it.
    """
    check_kind(strokes)
    beside = sidecars(strokes) if strokes.suffix.lower() in _RASTERS else []
    try:
        found = {each.name[len(strokes.stem) :]: each.read_bytes() for each in (*beside, strokes)}
    except OSError as error:
        raise LabelError(f"{strokes}: the strokes cannot be read: {reason(error)}") from None
    if strokes.suffix.lower() == ".gpkg":
        found[strokes.suffix] = _of_geopackage(strokes)
    return found


def _of_geopackage(strokes: Path) -> bytes:
    """With what another program, such as QGIS, has saved to the journal beside it; LabelError."""
    with opened(strokes) as file:
        file.execute("SELECT count(*) FROM sqlite_master")  # a file that is none is refused here
        content = bytearray(file.serialize())
    if content[18:20] == b"\2\2":
        content[18:20] = b"\1\1"  # the copy has no journal
    return bytes(content)


def _free(folder: Path, stem: str) -> str:
    """A stem that no other file has, since rasters of one stem share side-cars, and that every system allows."""
    stem = _NOT_EVERYWHERE.sub("-", stem)
    used = {each.name.partition(".")[0].lower() for each in folder.iterdir()} if folder.is_dir() else set()
    used |= _DEVICES
    names = (stem if number == 1 else f"{stem}-{number}" for number in itertools.count(1))
    return next(name for name in names if name.partition(".")[0].lower() not in used)


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
    painted = (Painted(_absolute(folder, scene.image), _inside(folder, scene.strokes)) for scene in stated.scenes)
    bands = {_absolute(folder, image): tuple(map(str, chosen)) for image, chosen in stated.bands.items()}
    model = _absolute(folder, stated.model) if stated.model.lower().endswith(".onnx") else stated.model
    return Project(folder, model, dict(stated.classes), tuple(painted), dict(stated.colors), bands)


def _absolute(folder: Path, name: str) -> str:
    """A file as a project names it, where its own file may name it relative to the folder."""
    path = folder / name
    other = not is_local(name) or Path(name).is_absolute()
    if other or (_PREFIX.match(name) and not os.path.exists(path)):  # noqa: PTH110 - no error where it is barred
        return name
    return str(path.resolve())


def _inside(folder: Path, strokes: str) -> Path:
    """DataError for a file of strokes that is not the project's own."""
    path = Path(strokes)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        text = f"scenes: the strokes {strokes!r} lie outside of the project; expected {STROKES}/FILE"
        raise DataError(f"{folder / NAME}: {text}: delete the entry, and add them by --add SCENE {strokes}")
    return folder / path
