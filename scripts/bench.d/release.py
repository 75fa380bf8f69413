"""Rows 10 to 17: the next release of a large one, its switch and its comparison."""

import os
import sqlite3
import time
from contextlib import closing
from statistics import median

import table
from library import CHANGED, asset_content, asset_path, scattered, send_batch, together
from process import Failed, say
from release_peers import GitTrees, OneRow, PostgresRows
from shelfmark import Shelfmark

SMALL = 1000
SWITCHES = 200  # in a round


def measure(bench):
    if not bench.rows & {10, 11, 12, 13, 14, 15, 16, 17}:
        return
    with Side(bench, SMALL) as small, Side(bench, bench.size) as large:
        for number in range(bench.rounds):
            say(f"releases: round {number + 1} of {bench.rounds}")
            for side in (small, large) if number % 2 else (large, small):
                side.round(number)
        report(bench, small, large)


class Side:
    """Our server and the peers with one number of assets."""

    def __init__(self, bench, size):
        self.size, self.rounds, self.rows = size, bench.rounds, bench.rows
        self.is_large = size > SMALL
        self.data = bench.libraries.copy(size, f"release-{size}")
        self.server = Shelfmark(bench.program, self.data, f"{bench.work}/shelfmark.log").ready()
        self.api = self.server.api()
        self.one_row = OneRow(f"{bench.work}/one-row-{size}.sqlite")
        if self.is_large and bench.rows & {10, 13, 14, 17}:
            say(f"git fast-import of {size:,} pins")
            self.git = GitTrees(f"{bench.work}/git-trees", size, f"{bench.work}/git.log")
        if self.is_large and 11 in bench.rows:
            say(f"PostgreSQL rows for {size:,} pins")
            self.postgres = PostgresRows(bench.postgres, size)
        # Seconds in every round, or bytes.
        self.both, self.build_only, self.git_create, self.rows_create = [], [], [], []
        self.promote, self.update, self.compare, self.git_compare = [], [], [], []
        self.added = {"scattered": [], "together": []}
        self.added_rows = {"scattered": [], "together": []}
        self.git_added = {"scattered": [], "together": []}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def round(self, number):
        version = number + 2
        self.create("scattered", scattered(self.size), version)
        if self.is_large and 14 in self.rows:
            self.create("together", together(self.size), version)
        if self.is_large and 11 in self.rows:
            self.rows_create.append(self.postgres.create(version))
            self.postgres.forget(version)
        self.switch()
        if self.is_large and 17 in self.rows:
            self.compare_releases()

    def create(self, kind, assets, version):
        """One release with a hundred changes, by us and by git."""
        send_batch(self.api, ((asset_path(i), asset_content(i, version)) for i in assets))
        changes = [{"kind": "asset", "path": asset_path(i), "version": version} for i in assets]
        release = self.api.new_release(f"{kind} {version}")
        self.server.settle(5)
        store, rows = self.api.store()["stored_bytes"], self.database_bytes()
        start = time.monotonic()
        self.api.change(release, changes)
        between = time.monotonic()
        build = self.api.build(release, "R-1.1")
        end = time.monotonic()
        if build["entries"] != self.size:
            raise Failed(f"build {build['name']} has {build['entries']} entries, not {self.size}")
        self.added[kind].append(self.api.store()["stored_bytes"] - store)
        self.added_rows[kind].append(self.added[kind][-1] + self.database_bytes() - rows)
        if kind == "scattered":
            self.both.append(end - start)
            self.build_only.append(end - between)
            self.last = build["name"]
        if self.is_large and hasattr(self, "git"):
            before = self.git.bytes()
            cost = self.git.commit(f"{kind}{version}", "r1", assets, version)
            self.git_added[kind].append(self.git.bytes() - before)
            if kind == "scattered":
                self.git_create.append(cost.wall_s)
                self.git_last = f"{kind}{version}"

    def database_bytes(self):
        """The pages in use of the server's database, read beside it."""
        file = os.path.join(self.data, "shelfmark.sqlite")
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            pages, free, size = (database.execute(f"PRAGMA {name}").fetchone()[0]
                                 for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * size

    def switch(self):
        ours, theirs = [], []
        for number in range(SWITCHES):
            build = self.last if number % 2 == 0 else "R-1.1"
            start = time.perf_counter()
            answer = self.api.promote(build)
            ours.append(time.perf_counter() - start)
            if answer["outcome"] != "promoted":
                raise Failed(f"a promotion was answered by {answer}")
            theirs.append(self.one_row.switch(number))
        self.promote.append(median(ours))
        self.update.append(median(theirs))

    def compare_releases(self):
        ours, theirs = [], []
        for _ in range(10):
            start = time.monotonic()
            answer = self.api.project("GET", f"/compare?from=R-1.1&to={self.last}&limit=1000")
            ours.append(time.monotonic() - start)
            took, lines = self.git.compare("r1", self.git_last)
            theirs.append(took)
            if len(answer["items"]) != CHANGED or lines != CHANGED:
                raise Failed(f"the comparison has {len(answer['items'])} items, git's {lines}, not {CHANGED}")
        self.compare.append(median(ours))
        self.git_compare.append(median(theirs))


def report(bench, small, large):
    name = f"{large.size:,} assets"

    def add(row, detail, ours, theirs, show):
        if row in bench.rows:
            bench.table.add(row, f"{name}{detail}", ours, theirs, show)
    add(10, ", changes and build", large.both, large.git_create, table.seconds)
    add(10, ", build alone", large.build_only, large.git_create, table.seconds)
    add(11, ", changes and build", large.both, large.rows_create, table.seconds)
    add(12, ", changes and build", large.both, small.both, table.seconds)
    for row, kind in ((13, "scattered"), (14, "together")):
        add(row, ", store alone", large.added[kind], large.git_added[kind], table.count_bytes)
        add(row, ", with the database", large.added_rows[kind], large.git_added[kind], table.count_bytes)
    add(15, "", large.promote, large.update, table.seconds)
    add(16, "", large.promote, small.promote, table.seconds)
    add(17, "", large.compare, large.git_compare, table.seconds)
