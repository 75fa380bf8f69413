"""The corpora: folders v1, v2, ... of one set, made once from fixed seeds. What does not change between two versions
is one file with two names, so the disk holds every content once. Never write through such a name: `put` replaces."""

import hashlib
import os
import random
import shutil
import subprocess
import tarfile
import zipfile
import io

import bytes_like as like
from process import say

ICONS = "@fluentui/svg-icons"
ICON_VERSIONS = ["1.1.258", "1.1.294", "1.1.313", "1.1.326", "1.1.338", "1.1.343"]
BODIES = {"20k.webp": 20 << 10, "200k.jpg": 200 << 10, "1m.jpg": 1 << 20, "200m.mp4": 200 << 20}


class Corpora:
    """`folder` keeps them between runs; `full` makes them as large as the targets are meant for."""

    def __init__(self, folder, full):
        self._folder = folder
        self._photos = 200 if full else 60
        self._scale = 1.0 if full else 0.25

    def icons(self):
        return self._made("icons", make_icons)

    def photos(self):
        return self._made(f"photos-{self._photos}", lambda root: make_photos(root, self._photos))

    def media(self):
        return self._made(f"media-{self._scale:g}", lambda root: make_media(root, self._scale))

    def bodies(self):
        return self._made("bodies", make_bodies)

    def random_file(self, mebibytes):
        """A file of bytes that don't compress."""
        def make(root):
            with open(f"{root}/file", "wb") as file:
                for part in range(mebibytes):
                    file.write(like.entropy(9000 + part, 1 << 20))
        return self._made(f"random-{mebibytes}", make) + "/file"

    def _made(self, name, make):
        root = os.path.join(self._folder, name)
        if not os.path.isdir(root):
            say(f"making the corpus {name}")
            draft = root + ".new"
            shutil.rmtree(draft, ignore_errors=True)
            os.makedirs(draft)
            make(draft)
            os.rename(draft, root)
        return root


def versions(root):
    return [os.path.join(root, f"v{k}") for k in range(1, len(os.listdir(root)) + 1)]


def put(path, content):
    """Writes a new file in place of what has that name."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "wb") as file:
        file.write(content)


def next_version(root, number):
    shutil.copytree(f"{root}/v{number - 1}", f"{root}/v{number}", copy_function=os.link)
    return f"{root}/v{number}"


def make_icons(root):
    try:
        download_icons(root)
    except (OSError, subprocess.SubprocessError, IndexError) as problem:
        say(f"{ICONS} could not be fetched with npm ({problem}); icons are generated, their figures compare with no other run's")
        for name in os.listdir(root):
            shutil.rmtree(os.path.join(root, name))
        generate_icons(root, 20000)


def download_icons(root):
    packed, before = f"{root}/packed", {}
    os.makedirs(packed)
    for number, version in enumerate(ICON_VERSIONS, 1):
        say(f"  {ICONS} {version}")
        subprocess.run(["npm", "pack", "--silent", f"{ICONS}@{version}"], cwd=packed, check=True, timeout=300,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        archive = [name for name in os.listdir(packed) if name.endswith(f"{version}.tgz")][0]
        before = unpack(f"{packed}/{archive}", f"{root}/v{number}", before)
    shutil.rmtree(packed)


def unpack(archive, folder, before):
    """Writes an archive's files, linking those that equal the version `before` (path -> hash, file)."""
    here = {}
    with tarfile.open(archive) as tar:
        for member in filter(tarfile.TarInfo.isfile, tar):
            path, content = member.name.split("/", 1)[1], tar.extractfile(member).read()
            digest, file = hashlib.sha256(content).digest(), f"{folder}/{path}"
            if before.get(path, (None,))[0] == digest:
                os.makedirs(os.path.dirname(file), exist_ok=True)
                os.link(before[path][1], file)
            else:
                put(file, content)
            here[path] = (digest, file)
    return here


def generate_icons(root, count):
    chance = random.Random(101)
    for i in range(count):
        put(f"{root}/v1/icons/{i % 97:02}/icon-{i:05}.svg", like.drawing(chance, chance.randint(300, 3000)))
    for number in range(2, 7):
        folder = next_version(root, number)
        for i in chance.sample(range(count), count * 3 // 100):
            put(f"{folder}/icons/{i % 97:02}/icon-{i:05}.svg", like.drawing(chance, chance.randint(300, 3000)))


def make_photos(root, count):
    """Photos of about 3 MB. A version edits the metadata of 30 %, encodes 5 % anew and adds 5 %."""
    chance, image = random.Random(202), {}

    def write(folder, i, metadata):
        size = 2_600_000 + 800_000 * (i * 37 % 100) // 100
        put(f"{folder}/shoot-{i % 8}/IMG_{i:04}.jpg", like.jpeg(image[i], size, metadata))
    for i in range(count):
        image[i] = 1000 + i
        write(f"{root}/v1", i, i)
    for number in range(2, 5):
        folder, there = next_version(root, number), len(image)
        order = chance.sample(range(there), there)
        edited, encoded = there * 30 // 100, max(1, there * 5 // 100)
        for i in order[edited:edited + encoded]:
            image[i] = number * 100_000 + i
        for i in range(there, there + max(1, count * 5 // 100)):
            image[i] = 1000 + i
            write(folder, i, i)
        for i in order[:edited + encoded]:
            write(folder, i, number * 10_000 + i)


def make_media(root, scale):
    """Three films, a layered TIFF, a painting (ZIP of PNG layers) and a PDF in five versions."""
    def film(seed, mebibytes):
        return [like.entropy(seed * 10_000 + part, 1 << 20) for part in range(max(4, round(mebibytes * scale)))]
    a, b, c = film(1, 160), film(2, 200), film(3, 270)
    side = round(2000 * scale ** 0.5)
    layers = [like.pixels(3000 + i, side) for i in range(8)]
    photos = [like.jpeg(5000 + i, 3_000_000, i) for i in range(max(2, round(35 * scale)))]
    first = f"{root}/v1"
    put(f"{first}/film-a.mp4", like.movie(a, "spring"))
    put(f"{first}/film-b.mp4", like.movie(b, "summer"))
    put(f"{first}/film-c.mp4", like.movie(c, "autumn"))
    put(f"{first}/layered.tif", like.tiff(layers))
    put(f"{first}/painting.ora", painting(layers))
    put(f"{first}/catalogue.pdf", like.pdf(photos, "Catalogue"))

    second = next_version(root, 2)  # other metadata at the start
    put(f"{second}/film-a.mp4", like.movie(a, "spring campaign, director's cut " + "approved for web " * 40))
    put(f"{second}/catalogue.pdf", like.pdf(photos, "Catalogue, spring edition, second printing"))
    third = next_version(root, 3)  # something inserted in the middle
    put(f"{third}/film-b.mp4", like.movie(b[:len(b) // 2] + film(9, 15) + b[len(b) // 2:], "summer"))
    fourth = next_version(root, 4)  # a square of one layer changed
    layers[4] = like.brighter(layers[4], side // 4, side // 4 + side // 5)
    put(f"{fourth}/layered.tif", like.tiff(layers))
    put(f"{fourth}/painting.ora", painting(layers))
    fifth = next_version(root, 5)  # something appended; the beginning cut off
    with open(f"{fourth}/catalogue.pdf", "rb") as file:
        put(f"{fifth}/catalogue.pdf", file.read() + b"1 0 obj\n<< /Title (Third printing) >>\nendobj\ntrailer\n<< /Prev 0 >>\n%%EOF\n")
    put(f"{fifth}/film-c.mp4", like.movie(c[5:], "autumn"))


def painting(layers):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for i, rows in enumerate(layers):
            archive.writestr(zipfile.ZipInfo(f"data/layer{i}.png", (2024, 1, 1, 0, 0, 0)), like.png(rows))
    return out.getvalue()


def make_bodies(root):
    for number, (name, size) in enumerate(BODIES.items()):
        put(f"{root}/{name}", like.entropy(7000 + number, size))
