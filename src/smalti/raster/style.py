"""How QGIS shows a map: OUT.qml, which it loads by itself with OUT.tif.

The colour table inside a GeoTIFF of bytes always has 256 entries, and QGIS makes a class of each. What has no classes
would be grey, stretched to the part on the screen: it gets a ramp of colours, from 0 to 1 or around the mean value.
QGIS saves the user's own style under the same name: a style that is not ours is kept.
"""

from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

from smalti.card import RGB, Task
from smalti.files import write_whole
from smalti.products import Form, Product
from smalti.raster.palette import CONFIDENT, RAMP, task_colors, to_hex
from smalti.raster.statistics import Statistics

_OURS = "<!-- Written by Smalti, and again with each new map. A style that QGIS saves here is kept. -->"

_RASTERS = frozenset(
    {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".webp", ".vrt", ".img", ".bmp", ".gif", ".ppm"}
)
_RAMPS: dict[Form, tuple[RGB, ...]] = {
    "confidence": CONFIDENT,
    "uncertainty": CONFIDENT[::-1],
    "values": RAMP,
}
_DEVIATIONS = 3
"""The ramp of values ends at most so many standard deviations from their mean: a single tower would bleach the rest."""


def write_style(raster: Path, product: Product, seen: Statistics) -> None:
    """Writes the style of a map beside it; for probabilities removes that of a previous one. Raises OutputError.

    A style of the user is kept. Where another raster of the same stem lies there none is written: QGIS would show that
    one by it.

    Args:
        raster: the map.
        product: the task, and what the map shows of it.
        seen: of values, their statistics.
    """
    style = _style(raster)
    if not _is_free(style):
        return
    if product.form == "probabilities" or _has_namesake(raster):
        style.unlink(missing_ok=True)
    else:
        write_whole(style, _text(_renderer(product, seen)).encode())


def _style(raster: Path) -> Path:
    return raster.with_suffix(".qml")


def _has_namesake(raster: Path) -> bool:
    return any(
        entry.stem == raster.stem and entry.name != raster.name and entry.suffix.lower() in _RASTERS
        for entry in raster.parent.iterdir()
    )


def _is_free(style: Path) -> bool:
    return not style.exists() or (style.is_file() and _OURS in style.read_text(encoding="utf-8", errors="replace"))


def _renderer(product: Product, seen: Statistics) -> str:
    match product.form:
        case "classes":
            return _classes(product.task, product.transparent)
        case "values":
            return _ramp(_RAMPS["values"], *_ends(seen), unit=product.task.unit)
        case form:
            return _ramp(_RAMPS[form], 0.0, 1.0)


def _ends(seen: Statistics) -> tuple[float, float]:
    """The values where the ramp begins and ends; 0 and 1 if there are none."""
    if not seen.count:
        return 0.0, 1.0
    far = _DEVIATIONS * seen.entries()["STATISTICS_STDDEV"]
    low, high = max(seen.least, seen.mean - far), min(seen.most, seen.mean + far)
    return (low, high) if low < high else (low, low + 1)


def _classes(task: Task, transparent: Collection[int]) -> str:
    alphas = [0 if k in transparent else 255 for k in range(len(task.labels))]
    entries = "".join(
        f"""
        <paletteEntry value="{k}" color="{to_hex(color).lower()}" alpha="{alpha}" label="{escape(label)}"/>"""
        for k, (label, color, alpha) in enumerate(zip(task.labels, task_colors(task), alphas, strict=True))
    )
    return f"""    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
      <rasterTransparency/>
      <colorPalette>{entries}
      </colorPalette>
    </rasterrenderer>"""


def _ramp(colors: Sequence[RGB], low: float, high: float, unit: str = "") -> str:
    """Colours at equal distances from `low` to `high`; beyond them those of the ends."""
    shares = [k / (len(colors) - 1) for k in range(len(colors))]
    steps = [(low + share * (high - low), color) for share, color in zip(shares, colors, strict=True)]
    suffix = escape(f" {unit}") if unit else ""
    items = "".join(
        f"""
          <item value="{value:.6g}" color="{to_hex(color).lower()}" alpha="255" label="{value:.3g}{suffix}"/>"""
        for value, color in steps
    )
    ends = f'minimumValue="{low:.6g}" maximumValue="{high:.6g}"'
    return f"""    <rasterrenderer type="singlebandpseudocolor" band="1" opacity="1" alphaBand="-1" nodataColor=""
        classificationMin="{low:.6g}" classificationMax="{high:.6g}">
      <rasterTransparency/>
      <rastershader>
        <colorrampshader colorRampType="INTERPOLATED" classificationMode="2" clip="0" labelPrecision="2" {ends}>
          {_gradient(shares, colors)}{items}
          <rampLegendSettings useContinuousLegend="0" suffix="{suffix}"/>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>"""


def _gradient(shares: Sequence[float], colors: Sequence[RGB]) -> str:
    """The same ramp as QGIS keeps it, so that it can be edited there."""
    first, *between, last = (",".join(map(str, (*color, 255))) for color in colors)
    stops = ":".join(f"{share:.3g};{color}" for share, color in zip(shares[1:-1], between, strict=True))
    options = {"color1": first, "color2": last, "discrete": "0", "rampType": "gradient", "stops": stops}
    told = "".join(f'<Option name="{name}" value="{value}" type="QString"/>' for name, value in options.items())
    return f'<colorramp name="[source]" type="gradient"><Option type="Map">{told}</Option></colorramp>'


def _text(renderer: str) -> str:
    return f"""{_OURS}
<qgis version="3.22" styleCategories="Symbology">
  <pipe>
{renderer}
  </pipe>
  <blendMode>0</blendMode>
</qgis>
"""
