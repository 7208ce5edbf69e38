"""The card of a smaller model: whose it is, how it was made, and what it lost."""

from collections.abc import Sequence

from smalti.card import Card, Origin
from smalti.deploy.shrink.search import Shrunk
from smalti.runtime.models import ModelFile


def card_of(parent: ModelFile, found: Shrunk, calibration: str, allowed: float, before: Sequence[str] = ()) -> Card:
    """The card of a result.

    Args:
        parent: The model that the result is compared with.
        found: The result.
        calibration: Describes the images of its calibration.
        allowed: The loss in percent that it may have.
        before: What was done before its layers became integers.
    """
    origin = parent.card.origin
    verdict = "passed" if found.loss <= allowed else "MISSED"
    integers = [
        f"8-bit integers, {_layers(found)}",
        *(["softmax before the last upsampling"] if found.early else []),
        f"ranges from {calibration}",
    ]
    how = [
        *before,
        *(["weights stored in 8 bits, computed in float"] if found.packed else integers),
        f"gate {verdict}: a loss of {found.loss:.2f} % where {allowed:g} % is allowed",
    ]
    return found.model.card.model_copy(
        update={
            "origin": Origin(
                data=origin.data,
                licence=origin.licence,
                recipe=f"shrunk from {parent.card.name} (sha256 {parent.sha256})",
                chosen="; ".join(how),
                scores=tuple(score for row in found.rows for score in row.scores),
                good_for=origin.good_for,
                not_for=origin.not_for,
            ),
        }
    )


def _layers(found: Shrunk) -> str:
    if not found.floats:
        return f"all {found.layers} layers"
    return f"{len(found.floats)} of {found.layers} layers in float: {', '.join(found.floats)}"
