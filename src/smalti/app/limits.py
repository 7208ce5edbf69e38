"""What one server, and one token on it, may use."""

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of requests and quotas per token."""

    upload_bytes: int = 20 * GIB
    """Of one uploaded or fetched file."""
    scene_pixels: int = 10_000_000_000
    """Width times height of one scene."""
    whole_pixels: int = 400_000_000
    """The same for a format that is decoded as a whole: PNG, JPEG, WebP, GIF."""
    bytes: int = 200 * GIB
    """Of all uploaded and fetched scenes of a token."""
    pixels: int = 1_000_000_000_000
    """Pixels that a token's jobs of the last day may have."""
    jobs: int = 50
    """Queued and running jobs of a token."""
    scenes: int = 5000
    """Registered scenes of a token."""
    uploads: int = 16
    """Uploads that are received, and addresses that are fetched, at once; further ones wait."""
    waiting: int = 256
    """Uploads and addresses that wait; further ones are refused."""
    lessons: int = 200
    """Lessons of a token."""
    lesson_scenes: int = 200
    """Scenes of a lesson."""
    features_bytes: int = 4 * GIB
    """Features of tiles that are kept for lessons, of all tokens."""
    streams: int = 64
    """Event streams of a token."""
    archive_files: int = 1000
    """Files in an uploaded .zip."""
    keep_days: float = 30
    """Age in days after which unused results and uploads are removed; 0 keeps them for ever."""
