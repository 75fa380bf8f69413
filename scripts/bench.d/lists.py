"""Row 34: a page of 50 from long lists, against the bare query for the same rows."""

import json
import os
import sqlite3
import threading
import time
from statistics import median

import table
from process import Failed, say
from shelfmark import PROJECT, Shelfmark

ITEMS, RELEASES, ENTRIES = 10_000, 1_000, 100_000
PAGE = 50
READS = 200  # of each list in a round
WRITERS = 8

# Each list: its address, its bare query, and where in it the pages are asked for.
ITEM_QUERY = ("SELECT number, kind, status, title, requester, requester_name, assignee, priority, due_on, labels, link, "
              "impact, release_note, description FROM work_items WHERE project = 1 AND number < ? ORDER BY number DESC LIMIT 50")
RELEASE_QUERY = ("SELECT number, title, description, state, created_by, created_at, last_build, revision, kind, manager "
                 "FROM releases WHERE project = 1 AND number < ? ORDER BY number DESC LIMIT 50")
AUDIT_QUERY = ("SELECT sequence, at, actor, actor_name, action, project, subject, message, details, previous, hash "
               "FROM audit WHERE project = 'site' AND sequence < ? ORDER BY sequence DESC LIMIT 50")
ASSET_QUERY = ("SELECT s.id, s.path, v.number, v.content, v.size_bytes, v.media_type, v.width, v.height, v.metadata, v.at, "
               "a.actor_name, a.message FROM assets s JOIN versions v ON v.asset = s.id AND v.number = s.latest "
               "JOIN audit a ON a.sequence = v.audit WHERE s.project = 1 AND s.path > ? AND s.deleted_at IS NULL "
               "ORDER BY s.path LIMIT 50")


def measure(bench):
    if 34 not in bench.rows:
        return
    data = bench.libraries.copy(bench.size, "lists")
    with Shelfmark(bench.program, data, f"{bench.work}/shelfmark.log").ready() as server:
        api = server.api()
        fill(server, api)
        with sqlite3.connect(f"file:{os.path.join(data, 'shelfmark.sqlite')}?mode=ro", uri=True) as database:
            newest = database.execute("SELECT sequence FROM audit_head").fetchone()[0]
            lists = [
                (f"{ITEMS:,} work items", f"/projects/{PROJECT}/work-items?", ITEM_QUERY, ITEMS // 2),
                (f"{RELEASES:,} releases", f"/projects/{PROJECT}/releases?", RELEASE_QUERY, RELEASES // 2),
                (f"{newest:,} audit entries", f"/audit?project={PROJECT}&", AUDIT_QUERY, newest // 2),
                (f"{bench.size:,} assets", f"/projects/{PROJECT}/assets?", ASSET_QUERY, middle_path(database)),
            ]
            for detail, address, query, after in lists:
                ours, theirs = [], []
                for number in range(bench.rounds):
                    say(f"lists: {detail}, round {number + 1} of {bench.rounds}")
                    ours.append(median(timed(lambda: page(api, address, after)) for _ in range(READS)))
                    theirs.append(median(timed(lambda: rows(database, query, after)) for _ in range(READS)))
                bench.table.add(34, detail, ours, theirs, table.seconds)


def middle_path(database):
    (count,) = database.execute("SELECT COUNT(*) FROM assets").fetchone()
    return database.execute("SELECT path FROM assets ORDER BY path LIMIT 1 OFFSET ?", (count // 2,)).fetchone()[0]


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def page(api, address, after):
    cursor = "1" + str(after).encode().hex()  # as a list gives it: what comes after this key
    answer = json.loads(api.send("GET", f"/api/v1{address}limit={PAGE}&cursor={cursor}"))
    if len(answer["items"]) != PAGE:
        raise Failed(f"{address} gave {len(answer['items'])} items, not {PAGE}")


def rows(database, query, after):
    if len(database.execute(query, (after,)).fetchall()) != PAGE:
        raise Failed(f"the bare query gave not {PAGE} rows: {query}")


def fill(server, api):
    """Work items, releases, and comments until the audit trail is long enough."""
    say(f"entering {ITEMS:,} work items and {RELEASES:,} releases")
    together(server, ITEMS, lambda own, n: own.project("POST", "/work-items", {
        "title": f"Picture {n} of the campaign", "kind": "request", "labels": [f"team-{n % 20}"],
        "description": "The colours have to be those of the brand, also on telephones."}))
    together(server, RELEASES, lambda own, n: own.new_release(f"Campaign {n}"))
    there = api.json("GET", "/audit?limit=1")["items"][0]["sequence"]
    say(f"commenting until there are {ENTRIES:,} entries in the audit trail")
    together(server, max(0, ENTRIES - there), lambda own, n: own.project(
        "POST", f"/work-items/W-{n % ITEMS + 1}/comments", {"text": f"Seen, and fine: {n}"}))


def together(server, count, action):
    """Does something so many times, from several connections."""
    failures = []

    def work(first):
        own = server.api()
        try:
            for n in range(first, count, WRITERS):
                action(own, n)
        except Failed as problem:
            failures.append(problem)
    writers = [threading.Thread(target=work, args=(first,)) for first in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    if failures:
        raise failures[0]
