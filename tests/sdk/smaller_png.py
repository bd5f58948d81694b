"""Rewrites a PNG without alpha as one with a palette: pictures of pages have few colours, and become a third as large."""

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(png):
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paeth(left, up, corner):
    """The neighbour that is nearest to left + up - corner."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def unfiltered(kind, line, above, step):
    """A row of samples without the filter that the PNG names before it."""
    if kind == 0:
        return line
    for at in range(len(line)):
        left = line[at - step] if at >= step else 0
        up = above[at]
        corner = above[at - step] if at >= step else 0
        guess = (left, up, (left + up) // 2, paeth(left, up, corner))[kind - 1]
        line[at] = (line[at] + guess) & 255
    return line


def pixels(png):
    """Width, height, and the colours of a PNG with 8 bits a sample, in rows."""
    parts = list(chunks(png))
    width, height, bits, kind = struct.unpack(">IIBB", parts[0][1][:10])
    step = {2: 3, 6: 4}[kind]
    if bits != 8:
        raise ValueError(f"{bits} bits a sample")
    data = zlib.decompress(b"".join(data for name, data in parts if name == b"IDAT"))
    above = bytearray(width * step)
    rows = []
    for row in range(height):
        start = row * (width * step + 1)
        above = unfiltered(data[start], bytearray(data[start + 1 : start + 1 + width * step]), above, step)
        rows.append([bytes(above[at : at + 3]) for at in range(0, len(above), step)])
    return width, height, rows


def smaller(png):
    """The same picture with its 256 most frequent colours; others become the nearest of them."""
    width, height, rows = pixels(png)
    often = Counter(colour for row in rows for colour in row)
    palette = [colour for colour, _ in often.most_common(256)]
    place = {colour: at for at, colour in enumerate(palette)}
    for colour in often:
        if colour not in place:
            place[colour] = min(range(len(palette)), key=lambda at: sum((a - b) ** 2 for a, b in zip(colour, palette[at], strict=True)))
    lines = b"".join(b"\0" + bytes(place[colour] for colour in row) for row in rows)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
    colours = chunk(b"PLTE", bytes(sample for colour in palette for sample in colour))
    return SIGNATURE + head + colours + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
