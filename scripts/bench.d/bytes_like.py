"""Bytes that look and compress like media: made from a seed with the standard library alone, the same everywhere."""

import random
import struct
import zlib
from statistics import NormalDist

# Maps evenly spread bytes to brightness around 128, spread like a sensor's noise.
NOISE = bytes(max(0, min(255, round(128 + NormalDist(0, 5).inv_cdf((i + 0.5) / 256)))) for i in range(256))
SHIFTED = [bytes(max(0, min(255, value + shift)) for value in NOISE) for shift in range(-90, 91)]
WORDS = "product campaign studio summer outdoor model final approved licence colour".split()


def entropy(seed, size):
    """What an entropy coder writes: no compressor gains anything on it."""
    return random.Random(seed).randbytes(size)


def jpeg(image_seed, size, metadata_seed, metadata_bytes=None):
    """A photo: an XMP segment that is easy to edit, tables, and the image as a coder leaves it."""
    tables = b"\xff\xdb\x00\x43\x00" + bytes(range(1, 65)) + b"\xff\xc0\x00\x11\x08\x0b\xb8\x0f\xa0\x03" + b"\x01\x22\x00" * 3
    scan = entropy(image_seed, size).replace(b"\xff", b"\xff\x00")
    return b"\xff\xd8" + xmp(metadata_seed, metadata_bytes) + tables + b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00" + scan + b"\xff\xd9"


def xmp(seed, size=None):
    chance = random.Random(seed)
    size = size or chance.randint(800, 6000)
    words = " ".join(chance.choice(WORDS) for _ in range(size // 7)).encode()
    body = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + words + b"</x:xmpmeta>"
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def pixels(seed, side):
    """Rows of a square picture in three colours: smooth light and noise; compresses to about two thirds."""
    chance = random.Random(seed)
    light, step = 0.0, 0.0
    rows = []
    for _ in range(side):
        step = max(-0.6, min(0.6, step + chance.uniform(-0.05, 0.05)))
        light = max(-90.0, min(90.0, light + step))
        rows.append(chance.randbytes(side * 3).translate(SHIFTED[round(light) + 90]))
    return rows


def brighter(rows, first, last):
    """The picture with a square of it made brighter, as one edit of one layer would."""
    table = bytes(min(255, value + 17) for value in range(256))
    changed = list(rows)
    for y in range(first, last):
        row = changed[y]
        changed[y] = row[:first * 3] + row[first * 3:last * 3].translate(table) + row[last * 3:]
    return changed


def png(rows):
    """A PNG of these rows, quickly compressed."""
    side = len(rows)
    packer, out = zlib.compressobj(1), []
    for row in rows:
        out.append(packer.compress(b"\x00" + row))
    out.append(packer.flush())
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_part(b"IHDR", head) + png_part(b"IDAT", b"".join(out)) + png_part(b"IEND", b"")


def png_part(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def tiff(layers):
    """An uncompressed TIFF with a page for each layer."""
    out, link = bytearray(b"II*\0\0\0\0\0"), 4
    for rows in layers:
        side, start = len(rows), len(out)
        for row in rows:
            out += row
        out += b"\0" * (len(out) % 2)
        depth = len(out)
        out += struct.pack("<HHH", 8, 8, 8)
        out[link:link + 4] = struct.pack("<I", len(out))
        entries = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 3, depth), (259, 3, 1, 1), (262, 3, 1, 2),
                   (273, 4, 1, start), (277, 3, 1, 3), (278, 4, 1, side), (279, 4, 1, side * side * 3)]
        out += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        link = len(out)
        out += b"\0\0\0\0"
    return bytes(out)


def movie(parts, title):
    """An MP4 made for streaming: the index with the title first, then the frames."""
    def box(name, body):
        return struct.pack(">I", len(body) + 8) + name + body
    frames = b"".join(parts)
    table = b"".join(struct.pack(">I", 40000 + i * 1337 % 20000) for i in range(len(frames) // 50000))
    index = box(b"moov", box(b"udta", title.encode()) + box(b"stsz", table))
    return box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + index + box(b"mdat", frames)


def pdf(photos, title):
    """A PDF with a photo on every page; the title stands in its first object."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []

    def add(body):
        offsets.append(len(out))
        out.extend(b"%d 0 obj\n" % len(offsets) + body + b"\nendobj\n")
    add(b"<< /Title (" + title.encode() + b") >>")
    add(b"<< /Type /Catalog /Pages 3 0 R >>")
    add(b"<< /Type /Pages /Count %d >>" % len(photos))
    for photo in photos:
        add(b"<< /Type /XObject /Subtype /Image /Filter /DCTDecode /Length %d >>\nstream\n" % len(photo) + photo + b"\nendstream")
    start = len(out)
    out.extend(b"xref\n0 %d\n" % (len(offsets) + 1) + b"".join(b"%010d 00000 n \n" % at for at in offsets))
    out.extend(b"trailer\n<< /Size %d /Root 2 0 R /Info 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, start))
    return bytes(out)


def drawing(chance, size):
    """An SVG path of about this many bytes."""
    out, length = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M'], 0
    while length < size:
        out.append(f"{chance.randint(0, 23)}.{chance.randint(0, 99):02} {chance.randint(0, 23)}.{chance.randint(0, 99):02}L")
        length += len(out[-1])
    return ("".join(out) + 'z"/></svg>\n').encode()
