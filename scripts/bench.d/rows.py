"""What is compared with what, and how far apart it may be. The ratios are ours to theirs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    metric: str
    peer: str
    must: float
    goal: float
    more_is_better: bool = False

    def verdict(self, ratio):
        reached = (lambda bound: ratio >= bound) if self.more_is_better else (lambda bound: ratio <= bound)
        return "goal" if reached(self.goal) else "must" if reached(self.must) else "**miss**"

    def bound(self, value):
        return f"{'>=' if self.more_is_better else '<='} {value:.4g}"


ROWS = {
    1: Row("ingest, first version", "cp -r + sync", 4, 2),
    2: Row("ingest, first version, small files", "git add + commit + sync", 1, 0.4),
    3: Row("ingest, next version", "restic + sync", 0.7, 0.3),
    4: Row("ingest again, nothing changed", "git add", 2, 1),
    5: Row("same, client without its cache", "b3sum", 2, 1.2),
    6: Row("stored bytes, all versions", "git after gc", 1.2, 0.63),
    7: Row("stored bytes, all versions", "git after gc", 1.08, 1.03),
    8: Row("stored bytes, all versions", "smaller of bup and casync", 1.1, 1.0),
    9: Row("restore a version", "cp -r + sync", 3, 1.5),
    10: Row("create a release, 100 changes", "git fast-import", 1, 0.2),
    11: Row("create a release, 100 changes", "PostgreSQL INSERT..SELECT", 1 / 40, 1 / 200),
    12: Row("create a release", "the same at 1,000 assets", 10, 3),
    13: Row("bytes a release adds, 100 scattered changes", "git objects", 2, 0.05),
    14: Row("bytes a release adds, 100 changes in a folder", "git objects", 1, 0.5),
    15: Row("promote, API call, p50", "SQLite UPDATE, synced", 6, 3),
    16: Row("promote, API call, p50", "the same at 1,000 assets", 1.2, 1.0),
    17: Row("compare two releases", "git diff-tree -r", 1, 0.4),
    18: Row("20 KB, requests/s", "nginx", 0.5, 0.8, True),
    19: Row("bytes/s", "nginx", 0.6, 0.9, True),
    20: Row("304, requests/s", "nginx", 0.6, 1.0, True),
    21: Row("1 MiB ranges of 200 MB, bytes/s", "nginx", 0.6, 0.9, True),
    22: Row("p99 latency", "nginx", 2, 1.2),
    24: Row("one large upload, synced, bytes/s", "nginx PUT, not synced", 0.3, 0.6, True),
    25: Row("one large upload, synced, bytes/s", "tus server, not synced", 0.6, 1.0, True),
    26: Row("30 KB uploads/s, synced, 16 connections", "tus server, not synced", 3, 8, True),
    27: Row("peak memory, ingest (server + client)", "restic", 0.8, 0.4),
    28: Row("memory after 64 connections", "caddy", 1.5, 0.8),
    29: Row("start to first 200", "caddy", 4, 2),
    30: Row("binary, stripped", "caddy", 1.2, 0.7),
    31: Row("S3 PUTs for new data", "PUTs, 1 per 64 MiB", 2, 1.1),
    32: Row("S3 GETs per uncached read", "GET", 1.5, 1.02),
    33: Row("S3 requests per promotion or rollback", "", 0, 0),
    34: Row("a page of 50, API call, p50", "the bare SELECT", 6, 3),
}

GROUPS = {
    "ingest": [1, 2, 3, 4, 5, 6, 7, 8, 9, 27],
    "release": [10, 11, 12, 13, 14, 15, 16, 17],
    "delivery": [18, 19, 20, 21, 22, 28],
    "upload": [24, 25, 26],
    "serve": [29, 30, 31, 32, 33],
    "lists": [34],
}


def wanted_rows(names):
    """The rows that the words of the command line name: numbers and groups."""
    return {row for name in names for row in (GROUPS[name] if name in GROUPS else [int(name)])}
