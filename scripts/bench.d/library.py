"""A library of many tiny assets, sent as tar batches and released. Made once a run and kept for every group that asks."""

import hashlib
import os
import shutil
import time

from process import Failed, fresh, say
from shelfmark import PROJECT, Shelfmark

BATCH = 50_000
CHANGED = 100


def asset_path(i):
    return f"assets/{i // 10000:03}/{i // 100 % 100:03}/image-{i:07}.webp"


def asset_content(i, version):
    return hashlib.sha256(b"%d.%d" % (i, version)).hexdigest().encode()


def scattered(size):
    """The 100 assets that a release changes, spread over all folders."""
    step = size // CHANGED
    return [n * step + 7 for n in range(CHANGED)]


def together(size):
    """The 100 assets of one folder in the middle."""
    return list(range(size // 200 * 100, size // 200 * 100 + CHANGED))


def tar_entry(path, content):
    """One file of a tar stream, in the plain old format."""
    head = bytearray(512)
    head[0:len(path)] = path.encode()
    head[100:108], head[108:116], head[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    head[124:136], head[136:148], head[148:156] = b"%011o\0" % len(content), b"00000000000\0", b"        "
    head[156:157], head[257:265] = b"0", b"ustar\x0000"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content + bytes(-len(content) % 512)


def tar(entries):
    """A tar stream in parts of about a thousand files."""
    part = []
    for path, content in entries:
        part.append(tar_entry(path, content))
        if len(part) == 1000:
            yield b"".join(part)
            part = []
    yield b"".join(part) + bytes(1024)


def send_batch(api, entries):
    return api.send("POST", f"/api/v1/projects/{PROJECT}/batch", tar(entries), Content_Type="application/x-tar")


class Libraries:
    """Data folders by number of assets: each has the assets at version 1 and one build of all, R-1.1, promoted."""

    def __init__(self, program, work):
        self._program, self._work = program, work

    def copy(self, size, name):
        """A fresh copy of the data folder with this many assets."""
        made = os.path.join(self._work, f"library-{size}")
        if not os.path.isdir(made):
            draft = fresh(made + ".new")
            self._make(size, draft)
            os.rename(draft, made)
        copy = os.path.join(self._work, name)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(made, copy)
        os.sync()
        return copy

    def _make(self, size, data):
        say(f"making a library of {size:,} assets")
        start = time.monotonic()
        with Shelfmark(self._program, data, f"{self._work}/shelfmark.log").ready() as server:
            api = server.api()
            api.create_project()
            for first in range(0, size, BATCH):
                batch = range(first, min(first + BATCH, size))
                send_batch(api, ((asset_path(i), asset_content(i, 1)) for i in batch))
                say(f"  {batch.stop:,} assets after {time.monotonic() - start:.0f} s")
            build = api.build(api.release("everything", [{"kind": "latest"}]), "empty")
            if build["name"] != "R-1.1" or build["entries"] != size:
                raise Failed(f"the first build is {build}, not R-1.1 with {size} entries")
            api.promote("R-1.1")
            say(f"  released after {time.monotonic() - start:.0f} s")
