"""Predicts an image, given as an array or a file, in memory."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smalti.arguments import as_path, checked
from smalti.arrays import Mask
from smalti.averaged import Averaged
from smalti.card import Card
from smalti.errors import GeoreferenceWarning, OptionError, SmaltiWarning, about, warn
from smalti.mapping.band_order import warn_of_order
from smalti.mapping.fit import STRETCH, Resolution, check_stretch, open_fitting
from smalti.mapping.source import Source
from smalti.mapping.unlike import UnlikeTally
from smalti.predicting import network_grid, predict_reader
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader, closing_on_error
from smalti.raster.resample import Resampled
from smalti.scene import Predictor
from smalti.tiling import Window
from smalti.workflows.arrays import array_reader
from smalti.workflows.given import Axes, Given
from smalti.workflows.map_options import MapOptions
from smalti.workflows.map_run import said_unlike
from smalti.workflows.models import AnyModel, opened
from smalti.workflows.prediction import Prediction
from smalti.workflows.progress import Meter, Show

if TYPE_CHECKING:
    import xarray


@checked("axes", "valid", "grid")  # checked with the image
def predict(
    image: "str | Path | NDArray[Any] | xarray.DataArray",
    model: AnyModel = "landcover",
    *,
    bands: Sequence[str | int] | None = None,
    resolution: Resolution = "auto",
    stretch: str | Sequence[float] | None = None,
    tta: bool = False,
    axes: Axes | None = None,
    valid: NDArray[np.bool_] | None = None,
    grid: Grid | None = None,
    progress: Show | None = None,
) -> Prediction:
    """Predicts every pixel of an image, with the tiles and the overlap of the model's card.

    Everything stays in memory: 4 bytes per pixel and class. `map` writes scenes of any size to files.

    Args:
        image: A file or a URL; a numpy array H,W,C or C,H,W of raw pixels as the model's card takes them (an array H,W
            for a model of one band; invalid where a masked array is masked); or an `xarray.DataArray` with y, x and
            perhaps bands, in any order.
        model: A name, a file, the folder of a checkpoint, or the result of `open_model`.
        bands: Bands for the model, by name or by number from 1, in the model's order.
        resolution: Metres per pixel that the network sees; `auto`: the nearest size in the model's range, but at
            least half of the image's own, where that is far outside of the range; `native`: the image's own. The
            prediction has the image's pixels.
        stretch: For a file, the range of values that becomes 0 to 255 for a model of bytes: `2%,98%` of each band's
            valid pixels, `0,3000`, or a pair of values.
        tta: Average over flips and quarter turns: two to eight times the work.
        axes: `HWC` or `CHW`, for a numpy array whose shape is ambiguous.
        valid: For an array, the mask of valid pixels, bool H,W. Pixels that are not finite are always invalid.
        grid: For an array, its georeference.
        progress: Called with a `Progress` after each tile, in the caller's thread.

    Raises:
        ArrayError: The array has other axes or another dtype than the model takes.
        RasterError: The file cannot be read, or its bands do not fit the model.
        ModelError: The model cannot be opened, takes other pixels, or predicts whole images only.
        OptionError: An option is invalid.
    """
    asked = MapOptions(tta=tta, bands=bands, resolution=resolution, stretch=stretch)
    net = opened(model)
    check_stretch(net.card, asked.range)
    net.card.map_tasks()
    with (
        about(image if isinstance(image, str | Path) else None),
        closing(_open(image, net.card, asked, Given(image, axes, valid, grid, asked.bands))) as reader,
    ):
        height, width = reader.grid.height, reader.grid.width
        meter = Meter(progress, "predict", height * width, "Pix")
        return _predict(reader, Averaged(net) if tta else net, meter, isinstance(image, str | Path))


def _open(image: object, card: Card, asked: MapOptions, given: Given) -> Reader:
    if isinstance(image, str | Path):
        as_path(image, "image")
        if given.axes or given.valid is not None or given.grid is not None:
            raise OptionError("axes, valid and grid are for arrays; a file has them itself", value=str(image))
        name, reopen = str(image), Source((str(image),)).opener
        fit = partial(open_fitting, stretch=asked.range, mend=STRETCH)
        reader = fit(name, reopen, card, asked.bands, asked.resolution, warn)
        if not (asked.range and asked.range.measures):  # percentiles make all bands alike
            with closing_on_error(reader):
                warn_of_order(name, reader, card, reopen, warn)
        return reader
    if asked.range is not None:
        raise OptionError("stretch is for files; give an array of the values that the model takes", value=asked.range)
    whole = array_reader(given, card)

    def open_part(bands: Sequence[str | int] | None, *, resolution: float | None) -> Reader:
        part = whole if bands is None else whole.chosen(bands)
        return part if resolution is None else Resampled(part, resolution)

    fitting = open_fitting(whole.path, open_part, card, asked.bands, asked.resolution, _warn_of_array)
    warn_of_order(whole.path, fitting, card, open_part, warn)
    return fitting


def _warn_of_array(warning: SmaltiWarning) -> None:
    if not isinstance(warning, GeoreferenceWarning):  # an array has a georeference only if one is given
        warn(warning)


def _predict(reader: Reader, net: Predictor, progress: Callable[[int], None], is_file: bool) -> Prediction:
    height, width = reader.grid.height, reader.grid.width
    tasks = net.card.map_tasks()
    outputs = {task.name: np.zeros((task.channels, height, width), np.float32) for task in tasks}
    valid = np.zeros((height, width), np.bool_)
    tally = UnlikeTally(net.card, network_grid(reader))

    def write(window: Window, values: Mapping[str, NDArray[np.float32]], mask: Mask) -> None:
        rows, cols = window.slices()
        for name, whole in outputs.items():
            whole[:, rows, cols] = values[name]
        valid[rows, cols] = mask

    summary = predict_reader(reader, net, write, progress=progress, judged=tally.add)
    for array in (valid, *outputs.values()):
        array.setflags(write=False)
    unlike = said_unlike(reader.path, tally.result(), net.card, reader if is_file else None)
    return Prediction(net.card, reader.grid, valid, outputs, summary, unlike)
