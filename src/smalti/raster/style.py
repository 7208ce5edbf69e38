"""How QGIS shows a class map: OUT.qml, which it loads by itself with OUT.tif.

The colour table inside a GeoTIFF of bytes always has 256 entries, and QGIS makes a class of each. QGIS saves the user's
own style under the same name: a style that is not ours is kept.
"""

from html import escape
from pathlib import Path

from smalti.card import Task
from smalti.files import write_whole
from smalti.raster.palette import task_colors, to_hex

_OURS = "<!-- Written by Smalti, and again with each new map. A style that QGIS saves here is kept. -->"

_RASTERS = frozenset(
    {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".webp", ".vrt", ".img", ".bmp", ".gif", ".ppm"}
)


def write_style(raster: Path, task: Task | None) -> None:
    """Writes the style of a class map beside it; without a task, removes that of a previous one. Raises OutputError.

    A style of the user is kept. Where another raster of the same stem lies there none is written: QGIS would show that
    one by it.
    """
    style = _style(raster)
    if not _is_free(style):
        return
    if task is None or _has_namesake(raster):
        style.unlink(missing_ok=True)
    else:
        write_whole(style, _text(task).encode())


def _style(raster: Path) -> Path:
    return raster.with_suffix(".qml")


def _has_namesake(raster: Path) -> bool:
    return any(
        entry.stem == raster.stem and entry.name != raster.name and entry.suffix.lower() in _RASTERS
        for entry in raster.parent.iterdir()
    )


def _is_free(style: Path) -> bool:
    return not style.exists() or (style.is_file() and _OURS in style.read_text(encoding="utf-8", errors="replace"))


def _text(task: Task) -> str:
    entries = "\n".join(
        f'        <paletteEntry value="{k}" color="{to_hex(color).lower()}" alpha="255" label="{escape(label)}"/>'
        for k, (label, color) in enumerate(zip(task.labels, task_colors(task), strict=True))
    )
    return f"""{_OURS}
<qgis version="3.22" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
      <rasterTransparency/>
      <colorPalette>
{entries}
      </colorPalette>
    </rasterrenderer>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
"""
