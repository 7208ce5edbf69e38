"""`make qgis-plugin`: zips the plugin for QGIS as build/smalti_qgis-VERSION.zip; equal files give equal bytes."""

import configparser
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "qgis" / "smalti_qgis"
ENDINGS = {".py", ".png", ".txt"}
REQUIRED = ("name", "qgisMinimumVersion", "description", "about", "version", "author")
"""Keys that describe the plugin in QGIS."""
PUBLISHED = ("email", "repository", "tracker")
"""Keys that plugins.qgis.org refuses a plugin without: addresses of whoever publishes it there."""
_FIRST = (1980, 1, 1, 0, 0, 0)


def metadata() -> configparser.SectionProxy:
    """What metadata.txt says."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(FOLDER / "metadata.txt", encoding="utf-8")
    return parser["general"]


def files() -> dict[str, Path]:
    """Names in the zip, in order, and the files; the licence lies at the project's root."""
    found = {path.relative_to(FOLDER.parent).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in ENDINGS}
    return dict(sorted({**found, f"{FOLDER.name}/LICENSE": ROOT / "LICENSE"}.items()))


def write_zip(folder: Path) -> Path:
    """Writes the zip into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{FOLDER.name}-{metadata()['version']}.zip"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, path in files().items():
            file.writestr(zipfile.ZipInfo(name, _FIRST), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return out


if __name__ == "__main__":
    if missing := [key for key in REQUIRED if not metadata().get(key)]:
        sys.exit(f"metadata.txt has no {', '.join(missing)}")
    print(write_zip(ROOT / "build").relative_to(ROOT))
    if unknown := [key for key in PUBLISHED if not metadata().get(key)]:
        print(
            f"plugins.qgis.org also needs {', '.join(unknown)} in metadata.txt; QGIS itself does not", file=sys.stderr
        )
