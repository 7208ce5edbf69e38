"""What is sent and received about lessons, as types of the OpenAPI description."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from smalti.app.schemas import Outline, Polygon

SCENE = "0f3a5c8d9e1b2a47"
ClassName = Annotated[str, Field(min_length=1, max_length=80, examples=["building"])]
ColorText = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$", examples=["#C8573F"])]
Number = Annotated[float, Field(strict=True, ge=-(2.0**31), le=2.0**31, allow_inf_nan=False)]
Point = Annotated[list[Number], Field(min_length=2, max_length=2, description="Column and row in pixels.")]
Line = Annotated[list[Point], Field(min_length=1, max_length=20_000, examples=[[[120.0, 80.0], [150.0, 92.0]]])]
Size = Annotated[float, Field(ge=1, le=4096, description="Width of the brush in pixels of the scene.", examples=[12])]
Bands = Annotated[
    list[Annotated[str, Field(max_length=80)] | Annotated[int, Field(strict=True, ge=1, le=2**31)]] | None,
    Field(max_length=64, description="Of the scene, in the model's order; where the model does not find its own."),
]
_STRICT = ConfigDict(extra="forbid")


class NewLesson(BaseModel):
    """A lesson to begin: a scene, and the model that is wrong on it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"scene": SCENE, "model": "landcover"}]})

    scene: str = Field(max_length=64)
    model: str = Field("landcover", max_length=200)
    name: str = Field("", max_length=80, description="By default that of the scene.")
    bands: Bands = None


class SceneId(BaseModel):
    """A scene of yours."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"scene": SCENE}]})

    scene: str = Field(max_length=64)
    bands: Bands = None


class PaletteClass(BaseModel):
    """A class of a lesson."""

    model_config = _STRICT

    name: ClassName
    color: ColorText
    was: str | None = Field(
        None,
        max_length=80,
        description="Its name so far; none for a new class; of two with one name the class is split.",
    )
    merged: list[ClassName] = Field(
        default_factory=list, max_length=100, description="Names so far of others that are merged into it."
    )


class Palette(BaseModel):
    """All classes of a lesson, which keep the model's or are new."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"classes": [{"name": "solar panel", "color": "#CC79A7", "was": None}]}]},
    )

    classes: list[PaletteClass] = Field(min_length=1, max_length=100)


class LessonName(BaseModel):
    """The name of a lesson."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Banepa, roofs"}]})

    name: str = Field(min_length=1, max_length=80)


class NewStroke(BaseModel):
    """What was painted in one go: along a line with a brush, or a polygon."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"class": "building", "line": [[120.0, 80.0], [150.0, 92.0]], "size": 12}]},
    )

    label: ClassName = Field(alias="class")
    line: Line | None = None
    size: Size = 12
    polygon: Polygon | None = None


class Erased(BaseModel):
    """Where strokes are erased."""

    model_config = _STRICT

    line: Line
    size: Size = 12


class Stroke(BaseModel):
    """A stroke."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    label: ClassName = Field(alias="class")
    shape: Outline = Field(description="With as many holes and corners as a brush leaves.")


class StrokesBefore(BaseModel):
    """All strokes of a scene, instead of those of a revision."""

    model_config = _STRICT

    revision: str = Field(max_length=64, description="Of the strokes that are replaced; others are not.")
    strokes: list[Stroke] = Field(max_length=5000)
    lesson: int | None = Field(
        None,
        strict=True,
        ge=0,
        le=2**31,
        description="The last lesson when they were there; later ones are undone with them.",
    )


class Strokes(BaseModel):
    """The strokes on a scene, in the order in which they were painted."""

    revision: str = Field(description="Another one after each change; empty without strokes.")
    strokes: list[Stroke]
    cell: float = Field(description="Pixels of the scene per cell that is learned from.", examples=[4.0])


class Held(BaseModel):
    """How many held-out strokes are mapped right, by the lesson and by the model as it was."""

    score: float
    parent: float
    spread: float = Field(description="Standard error of the difference.")
    groups: int = Field(description="Strokes, or places.")
    says_little: bool = Field(description="Whether it is too little to say.")
    text: str = Field(examples=["60 strokes held out: 12 % right, the model as it was 1 %, ±2"])


class Step(BaseModel):
    """A lesson that was learned."""

    number: int
    created: float = Field(description="Seconds since 1970.")
    strokes: int
    scenes: int
    learned: bool = Field(description="Whether it is better than the model as it was, which else stays.")
    by_stroke: Held
    by_place: Held
    changed: float = Field(description="Share of the scenes whose class is another one than the model's.")
    seconds: float
    notes: list[str] = Field(description="Warnings, one line each.")
    model: str | None = Field(None, description="The model that was saved of it.")


class ClassOf(BaseModel):
    """A class of a lesson."""

    name: str
    color: str
    new: bool = Field(description="Whether the model lacks it.")
    strokes: int


class LessonScene(BaseModel):
    """A scene of a lesson."""

    scene: str
    strokes: int
    missing: bool = Field(description="Whether its file is not there any more.")
    bands: list[str] | None = Field(description="Those of it that the model takes, where they were chosen.")


class Lesson(BaseModel):
    """A model that is taught by strokes on scenes."""

    id: str = Field(examples=["1f3a5c8d9e1b2a47"])
    name: str
    model: str = Field(description="The model that it started from.")
    classes: list[ClassOf]
    scenes: list[LessonScene]
    steps: list[Step]
    created: float


class Shown(BaseModel):
    """How far the prediction of a scene follows the last lesson."""

    version: int = Field(description="Rises whenever tiles change.")
    stale: int = Field(description="Tiles of the network in the window that are not up to date.")
    left: int = Field(description="The same of the whole scene.")
    tiles: int
    view: int = Field(description="Tiles of the network in the window.")
    unknown: int = Field(description="Those of them whose features are still to be computed.")
    revision: str = Field(description="Of the strokes on the scene.")
    lesson: int = Field(description="The number of the last lesson; 0 before the first one.")
    problem: str | None = Field(description="Why the prediction does not go on.")


class Suggested(BaseModel):
    """A window where strokes would help."""

    window: list[int] = Field(description="Column, row, width, height in pixels of the scene.")
    uncertain: float = Field(description="Mean probability that the class is wrong.")
    unlike: float = Field(description="From 0 to 1: how unlike what is known.")


class NewModel(BaseModel):
    """The name of a model to save."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "mytown"}]})

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
