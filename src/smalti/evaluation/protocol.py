"""The conditions under which a score was measured: without them the number says nothing."""

from dataclasses import dataclass

from smalti.card import Card
from smalti.text import count

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Stated:
    """What whoever asks for scores states about them."""

    data: str
    split: str
    chosen: str
    """How the checkpoint was chosen."""
    card: Card
    tta: bool


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What was stated, and on how much was counted; each kind of task has more to say."""

    stated: Stated
    images: int
    pixels: int
    ignored: int

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.stated.card

    def lines(self) -> list[tuple[str, str]]:
        """All conditions, as (what, text)."""
        stated, card = self.stated, self.card
        return [
            ("data", f"{stated.data}, {count(self.images, 'image')}, {count(self.pixels, 'pixel')} counted"),
            ("split", stated.split),
            *self.of_the_task(),
            ("tiles", f"{card.tile} px, overlap {card.overlap} px, blended"),
            ("passes", "mean of 8 flips and turns" if stated.tta else "one, no test-time augmentation"),
            ("checkpoint", f"{card.name}; chosen by: {stated.chosen}"),
        ]

    def of_the_task(self) -> list[tuple[str, str]]:
        """The conditions that only this kind of task has."""
        return []

    def passed_over(self, what: str) -> str:
        """How many pixels were not counted, being without `what`."""
        share = self.ignored / max(1, self.pixels + self.ignored)
        return f"{count(self.ignored, 'pixel')} without {what} ({share:.1%}) ignored"

    def __str__(self) -> str:
        return "; ".join(f"{what}: {text}" for what, text in self.lines())
