"""The data of a photo, of a series, and of a whole folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["pick", "alternate", "reject", "unrated"]
"""`unrated`: not compared, since the photo stands alone or is part of a bracket, which is kept whole."""
Kind = Literal["series", "single", "exposure bracket", "focus stack"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Exposure settings from EXIF; None where the camera writes none."""

    mode: int | None = None
    """EXIF's ExposureMode: 0 auto, 1 manual, 2 auto bracket."""
    bias: float | None = None
    """EV."""
    seconds: float | None = None
    aperture: float | None = None
    iso: int | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """One shutter release: its files, and what their headers say."""

    path: Path
    """The file that is read."""
    files: tuple[Path, ...]
    """All files of this photo, including `path`: a RAW and the JPEG beside it are one photo."""
    taken: float | None
    """Seconds since 1970 with sub-seconds; UTC where the offset is known, else the camera's clock; None if unknown."""
    camera: str
    """Make, model and serial number as far as known; "" if none is."""
    burst: str
    """The camera's name for the burst; "" if there is none."""
    width: int
    """Pixels, of the upright image."""
    height: int
    """Pixels, of the upright image."""
    sha256: str
    """Of the bytes of `path`."""
    content: str
    """`photos.content.digest` of the picture: unchanged when metadata are edited."""
    clock: float | None
    """The time on the camera's clock, in seconds since 1970 of that clock; None if unknown."""
    exposure: Exposure = Exposure()
    ahead: int | None = None
    """Seconds that the camera's clock was ahead of UTC; None if unknown."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person decided about a photo on the page."""

    content: str
    """`Photo.content`, by which the photo is identified."""
    file: str
    """Its path relative to the page, with slashes: distinguishes photos of the same content."""
    verdict: Verdict | None
    """None where the model decides."""
    series: str | None
    """Identifier of a series made by hand; None for a series that the program made."""
    at: int
    """When, in milliseconds since 1970: of two choices about a photo the later one counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The measurements and the score of a photo."""

    cues: NDArray[np.float32]
    """(M,): one number per name in `photos.cues.MEASURES`."""
    embedding: NDArray[np.float32]
    """(D,), of unit length: similar photos have similar directions."""
    dhash: int
    """Difference hash of 64 bits: `photos.run.dhash`."""
    score: float
    """The model's score: P(a beats b) = sigmoid(a - b)."""
    blocks: NDArray[np.float32] = field(default_factory=lambda: np.empty((2, 0, 0), np.float32))
    """(2, rows, columns): `photos.blocks.measure`, or empty if not measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """A photo with its verdict in a series."""

    photo: Photo
    look: Look
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why it is not the pick, in words."""
    probability: float
    """Probability that it beats the series' pick; 0.5 for the pick itself."""
    close: bool
    """Whether this photo and the pick are too close to call."""
    chosen: bool = False
    """Whether a person chose the verdict."""
    proposed: Verdict | None = None
    """The model's verdict where choices changed the verdicts of the series; else None."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Photos of one subject at one time, best first."""

    name: str
    ranked: tuple[Ranked, ...]
    kind: Kind = "series"
    """Only the kind "series" has a pick."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class RankedFolder:
    """The result for a folder."""

    series: tuple[Series, ...]
    unread: tuple[Unread, ...]
    model: str
    """The ranking model's name."""
    how: str
    """The protocol in one line: number of photos and series, and the ranker."""
    choices: Mapping[Path, Choice] = field(default_factory=dict)
    """Choices of a person, by `Photo.path`."""
