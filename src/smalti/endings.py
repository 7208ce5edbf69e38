"""The endings of photos."""

JPEG = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".mpo", ".insp"})
HEIC = frozenset({".heic", ".heif", ".hif"})
TIFF = frozenset({".tif", ".tiff"})
RAW = frozenset(
    f".{ending}"
    for ending in (
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "gpr", "iiq", "kdc", "mef", "mos", "mrw"),
        *("nef", "nrw", "orf", "ori", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
OTHERS = frozenset({".png", ".apng", ".webp", ".avif", ".gif", ".bmp", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"})
ENDINGS = JPEG | HEIC | TIFF | RAW | OTHERS
