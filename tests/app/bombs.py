"""Small files that claim to be large."""

import io
import struct
import zipfile
import zlib


def png_bomb(side: int = 14_000) -> bytes:
    """A PNG of 196 megapixels in 191 kB: nothing but zeros."""
    row = b"\0" * (side + 1)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(*part) for part in ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def archive(files: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    """A zip archive; the files named in `links` are symbolic links to their content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if name in links else 0o100644) << 16
            packed.writestr(info, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
