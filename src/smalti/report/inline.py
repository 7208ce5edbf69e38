"""Class maps and maps of values as HTML for notebooks: a picture and its legend, self-contained."""

from html import escape

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.raster.palette import RAMP, colorize, legend, to_hex
from smalti.report.pictures import data_uri, step_for, visible
from smalti.report.relief import limits, paint

LIMIT = 512
"""Maximum longer side of a picture, in pixels."""


def image_figure(image: NDArray[np.uint8], name: str = "image") -> str:
    """HTML of an image (C, H, W) uint8: its first three bands, or its only one."""
    step = step_for(image.shape[1], image.shape[2], LIMIT)
    shrunk = visible(image[:, ::step, ::step]).astype(np.uint8)
    return _figure(data_uri(shrunk), name, f"{image.shape[1]} x {image.shape[2]} pixels")


def class_figure(classes: NDArray[np.uint8], task: Task) -> str:
    """HTML of a class map (H, W) with a legend of the classes that occur in it."""
    step = step_for(classes.shape[0], classes.shape[1], LIMIT)
    picture = data_uri(colorize(np.ascontiguousarray(classes[::step, ::step]), task), drawn=True)
    entries = [
        f'<span style="white-space:nowrap;margin-right:1em">{_square(color)} {escape(label)}</span>'
        for label, color in legend(classes, task)
    ]
    return _figure(picture, task.name, " ".join(entries))


def value_figure(values: NDArray[np.float32], task: Task) -> str:
    """HTML of values (H, W) in the colours of a ramp, with the values of its ends."""
    step = step_for(values.shape[0], values.shape[1], LIMIT)
    low, high = limits(values)
    picture = data_uri(paint(np.ascontiguousarray(values[::step, ::step]), low, high))
    colors = ", ".join(to_hex(color) for color in RAMP)
    style = f"display:inline-block;width:8em;height:.8em;background:linear-gradient(90deg,{colors})"
    ramp = f'<span style="{style}"></span>'
    unit = escape(f" {task.unit}" if task.unit else "")
    return _figure(picture, task.name, f"{low:.3g}{unit} {ramp} {high:.3g}{unit}")


def _square(color: str) -> str:
    edge = "border:1px solid #999"
    return f'<span style="display:inline-block;width:.8em;height:.8em;{edge};background:{color}"></span>'


def _figure(picture: str, name: str, legend: str) -> str:
    style = "image-rendering:pixelated;max-width:100%"
    return (
        f'<figure style="margin:0 0 1em"><img src="{picture}" alt="{escape(name)}" style="{style}">'
        f"<figcaption>{escape(name)}: {legend}</figcaption></figure>"
    )
