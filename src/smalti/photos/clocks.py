"""Corrects cameras' clocks that were changed for summer time or travel, if their offset from UTC is known."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from smalti.photos.photo import Photo


def steady_clocks(photos: Sequence[Photo]) -> list[Photo]:
    """The same photos with each camera's `clock` at the UTC offset of its first photo.

    A camera whose offset is not known for each of its photos keeps its times: a burst in which only one photo states
    it must stay together.
    """
    cameras: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        if photo.clock is not None:
            cameras[photo.camera].append(photo)
    ahead = {camera: min(own, key=_utc).ahead for camera, own in cameras.items()}
    unknown = {photo.camera for own in cameras.values() for photo in own if photo.ahead is None}
    return [
        photo if photo.clock is None or photo.camera in unknown else _steady(photo, ahead[photo.camera] or 0)
        for photo in photos
    ]


def _utc(photo: Photo) -> float:
    return photo.taken or 0.0


def _steady(photo: Photo, ahead: int) -> Photo:
    return replace(photo, clock=_utc(photo) + ahead)
