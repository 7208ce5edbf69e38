"""What is known of a photo, of a series, and of a whole folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["pick", "alternate", "reject", "unrated"]
"""`unrated`: nothing was compared, since the photo stands alone or is one of a bracket, which is kept whole."""
Kind = Literal["series", "single", "exposure bracket", "focus stack"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the light was taken, as far as the camera says; None where it does not."""

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
    """The file that is looked at."""
    files: tuple[Path, ...]
    """All files of this photo, `path` among them: a RAW and the JPEG beside it are one photo."""
    taken: float | None
    """Seconds since 1970 with sub-seconds; UTC where the offset is known, else the camera's clock; None if unknown."""
    camera: str
    """Make, model and serial number as far as they are known; "" if none is."""
    burst: str
    """What the camera calls its burst; "" if it says nothing."""
    width: int
    """Pixels, of the upright image."""
    height: int
    """Pixels, of the upright image."""
    sha256: str
    """Of the bytes of `path`."""
    content: str
    """`photos.content.digest` of the picture: stays the same when metadata are edited."""
    clock: float | None
    """What the camera's clock showed, in seconds since 1970 of that clock; None if unknown."""
    exposure: Exposure = Exposure()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person decided about a photo on the page."""

    content: str
    """`Photo.content`, by which the photo is found again."""
    file: str
    """Where it lay, relative to the page, with slashes: tells apart photos of the same content."""
    verdict: Verdict | None
    """None where the model decides."""
    series: str | None
    """What the photos of a series made by hand have in common; None for a series that the program made."""
    at: int
    """When, in milliseconds since 1970: of two choices about a photo the later one holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one look at the pixels of a photo found."""

    cues: NDArray[np.float32]
    """(M,): what `photos.cues.MEASURES` names."""
    embedding: NDArray[np.float32]
    """(D,), of unit length: the direction is what the photo shows."""
    dhash: int
    """64 bits, of which those differ whose brightness gradient differs."""
    score: float
    """The model's score: P(a beats b) = sigmoid(a - b)."""
    blocks: NDArray[np.float32] = field(default_factory=lambda: np.empty((2, 0, 0), np.float32))
    """(2, rows, columns): `photos.blocks.measure`, or empty where that was not measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """A photo at its place in a series."""

    photo: Photo
    look: Look
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why it is not the pick, or what speaks for the pick, in words."""
    probability: float
    """That it beats the series' pick; 0.5 for the pick itself."""
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
    """Only what is a series has a pick."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be looked at, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class RankedFolder:
    """What became of a folder."""

    series: tuple[Series, ...]
    unread: tuple[Unread, ...]
    model: str
    """The ranking model's name."""
    how: str
    """The protocol in one line: what was grouped and ranked by what."""
    choices: Mapping[Path, Choice] = field(default_factory=dict)
    """What a person decided, by `Photo.path`."""
