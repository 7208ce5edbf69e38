"""The file beside a converted model, NAME.json: how to feed it, what comes out, and its card.

It lists the files it belongs to with their SHA-256: only those are replaced by a later export.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from smalti import __version__
from smalti.deploy.targets.built import Built
from smalti.errors import ModelError, OutputError
from smalti.files import check_place, guarded, write_whole
from smalti.runtime.models import ModelFile, verify

RAW = "raw pixels as in the image, as float32: no division, no normalisation, which the graph begins with"
FINITE = "; pixels that are not finite must be replaced, for example by the mean / scale of the card"


def manifest_path(out: Path) -> Path:
    """The manifest of an output."""
    return out.with_suffix(".json")


def check_free(out: Path, endings: tuple[str, ...]) -> None:
    """OutputError if a file cannot be written, or would replace one that no export wrote or somebody has changed."""
    manifest = manifest_path(out)
    written = _written(manifest)
    for path in (manifest, *(out.with_name(out.stem + ending) for ending in endings)):
        check_place(path)
        if path.exists() and path != manifest and not (written.get(path.name) == _digest(path) or _is_model(path)):
            raise OutputError(
                f"{path}: exists and was not written by smalti export; remove it, or choose another output"
            )
    if manifest.exists() and not written:
        raise OutputError(
            f"{manifest}: exists and was not written by smalti export; remove it, or choose another output"
        )


def write_files(built: Built, out: Path, target: str, model: ModelFile, agreement: dict[str, float]) -> list[Path]:
    """Writes the files and the manifest, and returns their paths; OutputError if one cannot be written.

    The manifest is written first: after a kill, what it lists may be replaced.
    """
    found = {path.name: path.read_bytes() for path in built.files}
    files = {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    manifest = manifest_path(out)
    text = json.dumps(_entries(built, target, model, agreement) | {"files": files}, indent=2, sort_keys=False)
    paths = [out.with_name(name) for name in found]
    with guarded(out):
        for path in paths:  # those of an earlier export
            path.unlink(missing_ok=True)
    write_whole(manifest, text.encode())
    for path, content in zip(paths, found.values(), strict=True):
        write_whole(path, content)
    return [*paths, manifest]


def _entries(built: Built, target: str, model: ModelFile, agreement: dict[str, float]) -> dict[str, object]:
    values = RAW + (FINITE if model.card.dtype == "float32" else "")
    return {
        "smalti": __version__,
        "target": target,
        "model": {"name": model.card.name, "sha256": model.sha256},
        "input": asdict(built.image) | {"values": values},
        "outputs": {
            task: asdict(port) | {"values": "probabilities" if model.card.task(task).has_classes else "values"}
            for task, port in built.outputs.items()
        },
        "agreement": agreement,
        "card": model.card.model_dump(mode="json"),
    } | built.more


def _written(manifest: Path) -> dict[str, str]:
    """The files of a manifest with their SHA-256; none if it is not one."""
    try:
        found = json.loads(manifest.read_bytes())
        files = found["files"] if "smalti" in found and "target" in found else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_model(path: Path) -> bool:
    """Whether a file is an intact model of this program."""
    try:
        return path.suffix == ".onnx" and bool(verify(path))
    except ModelError:
        return False
