"""Augmentations of other packages: settings under a key of the recipe, called with each window or image."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from smalti.card import Task
from smalti.data.pixels.sample import Patch
from smalti.extensions import ExtensibleTable, calling, settings_of, unfit
from smalti.label_sets import set_ids


class Augmentation(BaseModel):
    """An augmentation of another package. A recipe gives its probability, or a table of settings.

    It is called after the other augmentations of the recipe, by several threads at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    chance: float = Field(1.0, gt=0, le=1)
    """Probability of being called, for each window or image."""

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_the_chance(cls, value: Any) -> Any:
        return settings_of(value, "chance")

    def __call__(self, patch: Patch, rng: np.random.Generator) -> Patch:
        """The augmented patch: new arrays of the same shapes and dtypes.

        Args:
            patch: `image` (H, W, C) float32, raw pixels in the bands and units of the card; `targets` by task (H, W),
                uint8 class ids or float32 values in the task's unit, NaN where unknown (none of an image with one
                label); `valid` (H, W) bool. What moves pixels moves targets and validity alike.
            rng: The only source of random numbers, so that a training that resumes sees the same windows.
        """
        raise NotImplementedError


AUGMENTATIONS: dict[str, type[Augmentation]] = {}
"""Augmentations by their key in recipes."""


class ExtensibleAugment(ExtensibleTable):
    """Settings of an augmentation; other packages add keys in the entry point group `smalti.augmentations`."""

    group: ClassVar[str] = "smalti.augmentations"
    base: ClassVar[type[BaseModel]] = Augmentation
    registered: ClassVar[Mapping[str, type[BaseModel]]] = AUGMENTATIONS

    def extensions(self) -> dict[str, Augmentation]:
        """The augmentations of other packages, in the order of the recipe."""
        return {key: value for key, value in self if isinstance(value, Augmentation)}


def apply_extensions(
    patch: Patch, found: Mapping[str, Augmentation], rng: np.random.Generator, tasks: Sequence[Task] = ()
) -> Patch:
    """The patch after each augmentation, with its probability; ExtensionError if one fails or returns no valid patch.

    `tasks` are those that the patch has targets for. All arrays of the result may be written to.
    """
    for key, change in found.items():
        if rng.random() < change.chance:
            before = _copied(patch)  # its own: one that changes arrays in place must not reach the stored image
            with calling(ExtensibleAugment.group, key):
                after = change(before, rng)
            patch = _copied(_checked(key, patch, after))
            _check_ids(key, patch, tasks)
    return patch


def _copied(patch: Patch) -> Patch:
    """The patch with plain arrays of its own."""
    targets = {name: np.array(target) for name, target in patch.targets.items()}
    return replace(patch, image=np.array(patch.image), targets=targets, valid=np.array(patch.valid))


def _checked(key: str, before: Patch, after: object) -> Patch:
    """What an augmentation gave; ExtensionError unless it is a patch with arrays like those before."""
    if not isinstance(after, Patch):
        raise unfit(ExtensibleAugment.group, key, f"gave {type(after).__name__}", "a smalti.data.pixels.sample.Patch")
    if not isinstance(after.targets, Mapping):
        raise unfit(
            ExtensibleAugment.group, key, f"gave {type(after.targets).__name__} for targets", "a dict of arrays"
        )
    expected, came = _forms(before), _forms(after)
    for part in expected | came:
        if came.get(part) != expected.get(part):
            text = f"gave {came.get(part, 'nothing')} for {part}"
            raise unfit(ExtensibleAugment.group, key, text, expected.get(part, "no such target"))
    return after


def _check_ids(key: str, patch: Patch, tasks: Sequence[Task]) -> None:
    """ExtensionError for a class id that its task does not have."""
    for task in tasks:
        target = patch.targets.get(task.name)
        if task.kind != "classes" or target is None:
            continue
        ids = [*range(len(task.labels)), *set_ids(task), task.ignore]
        wrong = target[~np.isin(target, ids)]
        if wrong.size:
            text = f"gave the class id {wrong[0]} for target {task.name!r}"
            raise unfit(ExtensibleAugment.group, key, text, f"0 to {len(task.labels) - 1}, or {task.ignore}")


def _forms(patch: Patch) -> dict[str, str]:
    """Dtype and shape of each array."""
    arrays = {"image": patch.image, "valid": patch.valid, **{f"target {k!r}": v for k, v in patch.targets.items()}}
    return {
        name: f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        for name, array in arrays.items()
    }
