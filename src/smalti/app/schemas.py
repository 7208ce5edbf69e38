"""What is sent and received, as types of the OpenAPI description."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["queued", "running", "done", "failed", "cancelled"]
SET = r"^[A-Za-z0-9_-]{1,64}$"
"""What names of sets look like."""
Kind = Literal["map", "compare", "photos"]
Source = Literal["upload", "path", "url"]
Built = Literal["none", "building", "ready", "failed"]


class Refused(BaseModel):
    """A file that is not taken, and why."""

    name: str = Field(examples=["broken.tif"])
    status: int = Field(examples=[422], description="What it alone would have been answered with.")
    detail: str = Field(examples=["broken.tif: truncated: it has 9 bytes; copy it again"])
    exit_code: int
    todo: str | None = None


class Problem(BaseModel):
    """Why a request is refused."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["scene.tif: truncated: it has 9 bytes; copy it again"])
    exit_code: int = Field(description="The exit code of the command line for it.", examples=[3])
    todo: str | None = Field(None, examples=["copy it again"])
    refused: list[Refused] | None = Field(None, description="All files of a request of which none can be used.")


class Crs(BaseModel):
    """A coordinate reference system."""

    wkt: str
    epsg: int | None = Field(examples=[32631])
    proj4: str | None = None


class Scene(BaseModel):
    """A registered scene."""

    id: str = Field(examples=["0f3a5c8d9e1b2a47"])
    name: str = Field(examples=["scene.tif"])
    source: Source
    set: str | None = Field(description="The set that it was uploaded into.")
    width: int
    height: int
    bands: list[str]
    dtype: str = Field(examples=["uint8"])
    crs: Crs | None
    transform: list[float] = Field(description="a, b, c, d, e, f: x = a col + b row + c, y = d col + e row + f")
    bounds: list[float] = Field(description="Least x, least y, most x, most y of its corners.")
    metres_per_pixel: list[float] | None
    levels: int = Field(description="Zoom levels: 0 is one tile, the last one full resolution.")
    tile: int = 256
    overviews: Built
    bytes: int
    created: float = Field(description="Seconds since 1970.")


class Added(BaseModel):
    """Files that are scenes now, and those that are not."""

    scenes: list[Scene]
    refused: list[Refused]


class ScenePath(BaseModel):
    """A file or folder below an allowed folder."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"path": "/data/scene.tif"}]})

    path: str = Field(max_length=4096)


class SceneUrl(BaseModel):
    """An image of an allowed host, which is fetched once."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=4096, examples=["https://data.example.org/scene.tif"])


class SceneItem(BaseModel):
    """A STAC item of an allowed host."""

    model_config = ConfigDict(extra="forbid")

    stac: str = Field(max_length=4096, examples=["https://data.example.org/item.json"])


NewScene = ScenePath | SceneUrl | SceneItem


class Options(BaseModel):
    """Options of a map, as of `smalti map`."""

    model_config = ConfigDict(extra="forbid")

    tta: bool = False
    confidence: bool = False
    uncertainty: bool = False
    polygons: Literal[".gpkg", ".geojson", ".fgb", ".parquet"] | None = None
    min_area: float = Field(0.0, ge=0, le=1e12)
    report: bool = False
    cog: bool = False
    bands: list[str | int] | None = Field(None, max_length=64)
    stretch: str | None = Field(None, max_length=64, examples=["2%,98%"])
    resolution: Annotated[float, Field(ge=1e-4, le=1e6)] | Literal["auto", "native"] = Field(
        "auto", description="Metres per pixel."
    )


Corners = list[Annotated[list[float], Field(min_length=2, max_length=3)]]


class Outline(BaseModel):
    """A GeoJSON polygon in the scene's pixels: column, row."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["Polygon"]
    coordinates: list[Annotated[Corners, Field(min_length=4)]] = Field(min_length=1)


class Polygon(Outline):
    """A GeoJSON polygon that was drawn in the scene's pixels: column, row."""

    coordinates: list[Annotated[Corners, Field(min_length=4, max_length=10_000)]] = Field(min_length=1, max_length=100)


Rectangle = Annotated[list[int], Field(min_length=4, max_length=4, description="Column, row, width, height in pixels.")]


class NewJob(BaseModel):
    """A map to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"scene": "0f3a5c8d9e1b2a47", "model": "landcover", "options": {"confidence": True}}]
        },
    )

    scene: str = Field(max_length=64)
    model: str = Field("landcover", max_length=200)
    options: Options = Options()
    area: Rectangle | Polygon | None = Field(None, description="A part of the scene; all of it without one.")


class NewComparison(BaseModel):
    """Two finished maps of one place."""

    model_config = ConfigDict(extra="forbid")

    before: str = Field(max_length=64)
    after: str = Field(max_length=64)


class PhotoFolder(BaseModel):
    """Photos of a folder below an allowed folder."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"folder": "/data/photos"}]})

    folder: str = Field(max_length=4096)


class PhotoSet(BaseModel):
    """Photos that were uploaded into one set."""

    model_config = ConfigDict(extra="forbid")

    set: str = Field(pattern=SET)


NewPhotos = PhotoFolder | PhotoSet


class Ramp(BaseModel):
    """The colours of a layer of numbers."""

    low: float
    high: float
    unit: str = Field(examples=["m"])
    colors: list[str] = Field(description="From the lowest value to the highest, evenly spaced.")


class Job(BaseModel):
    """A job and how far it is."""

    id: str
    kind: Kind
    scene: str | None
    model: str | None
    options: dict[str, Any]
    area: Any = None
    before: str | None = None
    after: str | None = None
    state: State
    rows_done: int
    rows: int
    pixels: int
    mpix_per_s: float | None
    seconds_left: float | None
    problem: Problem | None
    notes: list[str] = Field(description="Warnings, one line each.")
    created: float
    started: float | None
    ended: float | None
    layers: list[str] = Field(examples=[["classes", "confidence"]])
    ramps: dict[str, Ramp] = Field(description="Of the layers of numbers.")
    window: list[int] | None = Field(description="Column, row, width, height of the map in the scene's pixels.")


class ModelTask(BaseModel):
    """What a model predicts."""

    name: str
    kind: Literal["classes", "value"]
    labels: list[str]
    colors: list[str]
    unit: str


class Model(BaseModel):
    """A model with its card."""

    name: str = Field(examples=["landcover"])
    card: dict[str, Any]
    tasks: list[ModelTask]
    resolution: list[float] | None
    native_pixels: list[float] | None = Field(
        description="Pixels between these sizes in metres are seen as they are; others are resampled where that helps."
    )
    bands: list[str]
    own: bool = Field(description="Whether a lesson of yours was saved as it, so that it can be deleted.")


class Health(BaseModel):
    """Whether the server is up."""

    status: Literal["ok"]
    version: str


class Defaults(BaseModel):
    """Defaults and limits."""

    options: Options
    roots: list[str]
    hosts: list[str]
    photos: list[str] = Field(description="Endings of photos of a series.", examples=[[".dng", ".heic", ".jpg"]])
    max_upload_bytes: int
    max_scene_pixels: int
    max_jobs: int
    keep_days: float


class Entry(BaseModel):
    """A folder or an image below an allowed folder."""

    name: str
    path: str
    folder: bool
    bytes: int | None


class Listing(BaseModel):
    """A folder below an allowed folder; without a path, the allowed folders."""

    path: str | None
    parent: str | None
    entries: list[Entry]


class AreaRow(BaseModel):
    """A class and what it covers."""

    value: int
    label: str
    color: str = Field(examples=["#2E8B57"])
    pixels: int
    share: float
    hectares: float | None
    before: str | None = None
    after: str | None = None


class Spot(BaseModel):
    """What a map says of one pixel."""

    col: int
    row: int
    value: int | None = Field(None, alias="class")
    label: str | None = None
    values: dict[str, float]
    x: float
    y: float
    lon: float | None = None
    lat: float | None = None

    model_config = ConfigDict(populate_by_name=True)


class ResultFile(BaseModel):
    """A file of a job."""

    name: str = Field(examples=["map.tif"])
    bytes: int | None = Field(description="None for a file that is made when it is asked for.")
    kind: str = Field(examples=["GeoTIFF"])
    ready: bool
