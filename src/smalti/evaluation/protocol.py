"""The protocol of a score, the conditions under which it was measured: without them the number is meaningless."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from smalti.averaged import PASSES
from smalti.card import Card
from smalti.text import count

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Stated:
    """What the caller states about the scores."""

    data: str
    split: str
    chosen: str
    """How the checkpoint was chosen."""
    card: Card
    tta: bool = False
    resampled: str = ""
    """Which images the network saw with another pixel size; empty for none."""


@dataclass(frozen=True, kw_only=True)
class Conditions(ABC):
    """The stated conditions; each kind of task adds its own."""

    stated: Stated

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.stated.card

    @abstractmethod
    def lines(self) -> list[tuple[str, str]]:
        """All conditions, as (what, text)."""

    def table(self) -> list[str]:
        """The same as aligned lines of plain text."""
        width = max(len(what) for what, _ in self.lines())
        return ["protocol", *(f"  {what:<{width}}  {text}" for what, text in self.lines())]

    def __str__(self) -> str:
        return "; ".join(f"{what}: {text}" for what, text in self.lines())

    @property
    def checkpoint(self) -> tuple[str, str]:
        """The last condition: which weights."""
        return "checkpoint", f"{self.card.name}; chosen by: {self.stated.chosen}"


@dataclass(frozen=True, kw_only=True)
class MapConditions(Conditions):
    """The conditions of scores per pixel, and on how much was counted."""

    images: int
    pixels: int
    ignored: int

    def lines(self) -> list[tuple[str, str]]:
        """See `Conditions`."""
        stated, card = self.stated, self.card
        return [
            ("data", f"{stated.data}, {count(self.images, 'image')}, {count(self.pixels, 'pixel')} counted"),
            ("split", stated.split),
            *self.of_the_task(),
            ("tiles", f"{card.tile} px, overlap {card.overlap} px, blended"),
            *([("pixel size", stated.resampled)] if stated.resampled else []),
            ("passes", PASSES if stated.tta else "one, no test-time augmentation"),
            self.checkpoint,
        ]

    @abstractmethod
    def of_the_task(self) -> list[tuple[str, str]]:
        """The conditions that only this kind of task has."""

    def passed_over(self, what: str) -> str:
        """How many pixels were ignored because they have no `what`."""
        share = self.ignored / max(1, self.pixels + self.ignored)
        return f"{count(self.ignored, 'pixel')} without {what} ({share:.1%}) ignored"
