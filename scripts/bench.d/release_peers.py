"""Who else keeps a list of a million pins and the next one that differs in a hundred: git's trees, and rows."""

import os
import sqlite3
import subprocess
import time

from library import asset_content, asset_path
from process import Cost, Failed, fresh, run, tree_bytes


class GitTrees:
    """Releases as commits made by fast-import; the files are the pins, 64 bytes each. No work tree."""

    def __init__(self, folder, size, log):
        self.folder, self.log = fresh(folder), log
        self.env = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": folder}
        self.run("init", "-q", "--bare")
        self.run("config", "gc.auto", "0")
        self.commit("r1", None, range(size), 1)

    def run(self, *command):
        return run(["git", "-C", self.folder, *command], self.log, env=self.env)

    def commit(self, name, base, assets, version):
        """Imports one commit; the list of changes is made before the clock starts."""
        origin = f"from refs/heads/{base}^0\n" if base else ""
        head = f"commit refs/heads/{name}\ncommitter b <b@example.org> 1 +0000\ndata 2\nv1\n{origin}"
        changes = b"".join(b"M 100644 inline %s\ndata 64\n%s\n" % (asset_path(i).encode(), asset_content(i, version))
                           for i in assets)
        start = time.monotonic()
        done = subprocess.run(["git", "-C", self.folder, "fast-import", "--quiet"], input=head.encode() + changes,
                              env=self.env, capture_output=True)
        if done.returncode != 0:
            raise Failed(f"git fast-import: {done.stderr[:400]}")
        return Cost(time.monotonic() - start, 0)

    def compare(self, one, other):
        start = time.monotonic()
        done = subprocess.run(["git", "-C", self.folder, "diff-tree", "-r", f"refs/heads/{one}", f"refs/heads/{other}"],
                              check=True, env=self.env, capture_output=True)
        return time.monotonic() - start, len(done.stdout.splitlines())

    def bytes(self):
        return tree_bytes(f"{self.folder}/objects")


class PostgresRows:
    """A release is a copy of all rows of the one before, with a hundred changed. Synced at the commit."""

    def __init__(self, url, size):
        self.url = url
        self.sql("DROP TABLE IF EXISTS pins", "CREATE TABLE pins (release int, path text, content char(64), PRIMARY KEY (release, path))",
                 f"INSERT INTO pins SELECT 1, 'assets/' || lpad((i / 10000)::text, 3, '0') || '/' || lpad((i / 100 % 100)::text, 3, '0')"
                 f" || '/image-' || lpad(i::text, 7, '0') || '.webp', md5(i::text) || md5((i + 1)::text) FROM generate_series(0, {size - 1}) i",
                 "CHECKPOINT", "ANALYZE pins")

    def sql(self, *statements):
        commands = [part for statement in statements for part in ("-c", statement)]
        done = subprocess.run(["psql", self.url, "-qAtX", "-v", "ON_ERROR_STOP=1", *commands], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"psql: {done.stderr[:400]}")

    def create(self, number):
        start = time.monotonic()
        self.sql("BEGIN", f"INSERT INTO pins SELECT {number}, path, content FROM pins WHERE release = 1",
                 f"UPDATE pins SET content = md5(content) || md5(path) WHERE release = {number} AND path IN "
                 f"(SELECT path FROM pins WHERE release = 1 ORDER BY path LIMIT 100)", "COMMIT")
        return time.monotonic() - start

    def forget(self, number):
        self.sql(f"DELETE FROM pins WHERE release = {number}", "VACUUM pins")


class OneRow:
    """The least that a durable switch costs: one UPDATE on an open connection of the same kind of database."""

    def __init__(self, file):
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = wal")
        self._database.execute("PRAGMA synchronous = full")
        self._database.execute("CREATE TABLE environment (name TEXT PRIMARY KEY, build BIGINT)")
        self._database.execute("INSERT INTO environment VALUES ('production', 1)")

    def switch(self, number):
        start = time.perf_counter()
        self._database.execute("UPDATE environment SET build = ? WHERE name = 'production'", (number,))
        return time.perf_counter() - start
