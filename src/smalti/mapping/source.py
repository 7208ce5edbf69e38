"""What one map is made of: a file, several files as a mosaic, or the files of a catalogue's item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from smalti.errors import RasterError
from smalti.mapping.fit import Open
from smalti.raster.area import Area, AreaReader
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader, closing_on_error
from smalti.text import some


@dataclass(frozen=True, slots=True)
class Source:
    """One scene. `files` are paths and URLs; of several, later ones hide earlier ones unless they are its bands."""

    files: tuple[str, ...]
    assets: tuple[str, ...] = ()
    """The names by which an item lists the files; several files are then the bands of one scene."""
    item: Mapping[str, Any] | None = field(default=None, hash=False, repr=False)
    """The STAC item that lists the files."""
    stem: str = ""
    """The name of the map without ending; empty for that of the file."""

    area: Area | None = None
    """The part of it that is mapped; None for all."""
    taken: tuple[str, ...] = ()
    """When its files were taken, as far as that is known: digits of year, month, day, hour and minute."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return some(self.files, 1)

    @property
    def stacked(self) -> bool:
        """Whether its bands lie in several files."""
        return len(self.assets) > 1

    @property
    def opener(self) -> Open:
        """Opens it."""
        return self.whole if self.area is None else partial(_open_area, self.whole, self.area)

    @property
    def whole(self) -> Open:
        """Opens all of it, of which an area is a part."""
        if self.stacked:
            from smalti.raster.stack import open_stack  # lazily: only items of a catalogue have bands in files

            return partial(open_stack, self.files, self.assets)
        if len(self.files) == 1:
            return partial(open_raster, self.files[0])
        from smalti.raster.mosaic import open_mosaic

        return partial(open_mosaic, self.files)


def _open_area(whole: Open, area: Area, bands: Sequence[str | int] | None, *, resolution: float | None) -> Reader:
    """An area of a scene; resampled afterwards, as its pixels are those of the scene."""
    from smalti.raster.resample import Resampled

    reader = whole(bands, resolution=None)
    with closing_on_error(reader):
        part = AreaReader(reader, area)
        seen = part if resolution is None else Resampled(part, resolution)
    return seen


def joined(sources: Sequence[Source]) -> Source:
    """One scene of several, as a mosaic; RasterError if one has its bands in several files."""
    if len(sources) == 1:
        return sources[0]
    if stacked := next((source for source in sources if source.stacked), None):
        raise RasterError(
            f"{stacked.stem or stacked.name}: its bands lie in several files, which --mosaic does not join;"
            " choose one asset with all bands, or map the items one by one"
        )
    item = sources[-1].item if all(source.item for source in sources) else None
    return Source(tuple(file for source in sources for file in source.files), item=item)
