"""Runs the groups that have a wanted row and prints the table. scripts/bench prepares everything and calls this."""

import argparse
import os
import sys
import traceback
from dataclasses import dataclass, field

import delivery
import ingest
import lists
import release
import serve
import upload
from corpus import Corpora
from library import Libraries
from limits import Limits
from process import Failed, Server, say
from rows import wanted_rows
from table import Table

GROUPS = [ingest, release, delivery, upload, serve, lists]


@dataclass
class Bench:
    """What every group is given. Folders are absolute."""

    program: str
    work: str
    rows: set
    rounds: int
    seconds: int
    # Assets of the large release.
    size: int
    upload_mebibytes: int
    corpora: Corpora
    libraries: Libraries
    # Addresses and folders of what was started; empty when no wanted row needs it.
    postgres: str
    s3: str
    tus: str
    table: Table = field(default_factory=Table)


def main():
    options = read_options()
    folder = os.path.join(options.dir, "corpora")
    os.makedirs(folder, exist_ok=True)
    corpora = Corpora(folder, options.full)
    bench = Bench(
        options.program, options.work, wanted_rows(options.names), options.rounds, options.seconds,
        options.size or (1_000_000 if options.full else 100_000), 1024 if options.full else 512, corpora,
        Libraries(options.program, options.work), options.postgres, options.s3, options.tus,
    )
    limits = Limits(corpora.random_file(512), options.work)
    failed = False
    limits.begin()
    for group in GROUPS:
        try:
            group.measure(bench)
        except Failed as problem:
            failed = True
            say(f"{group.__name__}: {problem}")
        except Exception:  # the other groups' figures are not lost for it
            failed = True
            traceback.print_exc()
        finally:
            for server in list(Server.running):
                server.stop()
    bench.table.print()
    limits.end()
    sys.exit(1 if failed else 0)


def read_options():
    reader = argparse.ArgumentParser()
    for name in ("program", "dir", "work", "postgres", "s3", "tus"):
        reader.add_argument(f"--{name}", default="")
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--seconds", type=int, default=6)
    reader.add_argument("--size", type=int)
    reader.add_argument("--full", action="store_true")
    reader.add_argument("names", nargs="+")
    return reader.parse_args()


if __name__ == "__main__":
    main()
