"""What the machine does without anyone's help. Measured first and last: a machine that changed meanwhile measured itself."""

import os
import subprocess
import time
from statistics import median

from process import say

RUNS = 5
MOVED_MAX = 0.15


class Limits:
    def __init__(self, file, work):
        self._file, self._copy = file, os.path.join(work, "limit")
        self._first = None

    def begin(self):
        self._first = self._measure()

    def end(self):
        """Says what the machine did, and whether the run counts."""
        last = self._measure()
        print()
        print("| limit | first | last | |")
        print("|---|---|---|---|")
        void = False
        for name, before in self._first.items():
            after = last[name]
            moved = abs(after - before) / before
            void |= moved > MOVED_MAX
            print(f"| {name} | {before / 1e6:,.0f} MB/s | {after / 1e6:,.0f} MB/s | {moved:.0%} |")
        print(f"\nLoad {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
        if void:
            print("**This run is void:** the machine's own speed moved by more than 15 % meanwhile. Run it again on an idle machine.")

    def _measure(self):
        say("measuring the disk and BLAKE3")
        size = os.path.getsize(self._file)
        copy = ["dd", f"if={self._file}", f"of={self._copy}", "bs=1M", "conv=fsync", "status=none"]
        digest = ["b3sum", "--num-threads", "1", self._file]
        rates = {"copy and sync, dd conv=fsync": speed(copy, size), "BLAKE3, b3sum on one core": speed(digest, size)}
        os.unlink(self._copy)
        return rates


def speed(command, size):
    took = []
    for _ in range(RUNS):
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.monotonic() - start)
    return size / median(took)
