-- The work register: requests, changes, fixes and incidents, what was said about them, which versions answer them,
-- how those were tested and authorised, and the releases that they are grouped in.

CREATE TABLE work_items (
    project        BIGINT NOT NULL REFERENCES projects (number),
    number         BIGINT NOT NULL,            -- 1, 2, 3 ... without gaps: W-1, W-2, W-3
    kind           TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    description    TEXT   NOT NULL,
    requester      TEXT   NOT NULL,            -- id of whoever wants it: @ and a person's name, or a token's
    requester_name TEXT   NOT NULL,            -- what they were called
    assignee       TEXT,                       -- a person
    priority       TEXT   NOT NULL,
    due_on         TEXT COLLATE "C",           -- a day as 2026-03-01, which sorts by time
    labels         TEXT   NOT NULL,            -- JSON; a copy of work_item_labels
    link           TEXT,                       -- of another system, such as an issue tracker
    impact         TEXT   NOT NULL,            -- on users
    release_note   TEXT   NOT NULL,
    status         TEXT   NOT NULL,
    rank           BIGINT NOT NULL,            -- order on the board within the status
    words          TEXT COLLATE "C" NOT NULL,  -- title and description in lower case, for searching
    creator        TEXT   NOT NULL,            -- id of whoever entered it
    created_by     TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    changed_at     BIGINT NOT NULL,
    revision       BIGINT NOT NULL,            -- +1 per change of the item or of what is attached to it
    PRIMARY KEY (project, number)
);
CREATE INDEX work_items_by_status ON work_items (project, status, number);
CREATE INDEX work_items_by_rank ON work_items (project, status, rank, number);
CREATE INDEX work_items_by_kind ON work_items (project, kind, number);
CREATE INDEX work_items_by_priority ON work_items (project, priority, number);
CREATE INDEX work_items_by_requester ON work_items (project, requester, number);
CREATE INDEX work_items_by_assignee ON work_items (project, assignee, number) WHERE assignee IS NOT NULL;
CREATE INDEX work_items_by_due ON work_items (project, due_on, number) WHERE due_on IS NOT NULL;

CREATE TABLE work_item_labels (
    project BIGINT NOT NULL,
    label   TEXT COLLATE "C" NOT NULL,
    item    BIGINT NOT NULL,
    PRIMARY KEY (project, label, item),
    FOREIGN KEY (project, item) REFERENCES work_items (project, number)
);
CREATE INDEX work_item_labels_by_item ON work_item_labels (project, item);

CREATE TABLE work_item_comments ( -- what is edited keeps its earlier text in the audit trail
    project   BIGINT NOT NULL,
    item      BIGINT NOT NULL,
    number    BIGINT NOT NULL,                 -- 1, 2, 3 ... within the item
    author    TEXT   NOT NULL,                 -- id
    author_name TEXT NOT NULL,
    text      TEXT   NOT NULL,
    mentions  TEXT   NOT NULL,                 -- JSON list of the people mentioned who are there
    at        BIGINT NOT NULL,
    edited_at BIGINT,                          -- NULL: never
    revision  BIGINT NOT NULL,                 -- +1 per edit
    PRIMARY KEY (project, item, number),
    FOREIGN KEY (project, item) REFERENCES work_items (project, number)
);

CREATE TABLE work_item_versions ( -- the versions that answer an item
    project  BIGINT NOT NULL,
    item     BIGINT NOT NULL,
    asset    BYTEA  NOT NULL,
    version  BIGINT NOT NULL,
    added_by TEXT   NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (project, item, asset, version),
    FOREIGN KEY (project, item) REFERENCES work_items (project, number)
);
CREATE INDEX work_item_versions_by_asset ON work_item_versions (asset, version);

CREATE TABLE work_item_evidence ( -- what a test came to; never changed
    project   BIGINT NOT NULL,
    item      BIGINT NOT NULL,
    number    BIGINT NOT NULL,                 -- 1, 2, 3 ... within the item; of one test case the last one counts
    test_case TEXT COLLATE "C" NOT NULL,
    expected  TEXT   NOT NULL,
    actual    TEXT   NOT NULL,
    outcome   TEXT   NOT NULL,
    release   BIGINT,                          -- the build that was tested; NULL: none
    build     BIGINT,
    manifest  BYTEA,                           -- the build's: what the evidence is bound to
    tester    TEXT   NOT NULL,                 -- id
    tested_by TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (project, item, number),
    FOREIGN KEY (project, item) REFERENCES work_items (project, number)
);
CREATE INDEX work_item_evidence_by_case ON work_item_evidence (project, item, manifest, test_case, number);
CREATE INDEX work_item_evidence_by_build ON work_item_evidence (project, release, build, item, number)
    WHERE release IS NOT NULL;

CREATE TABLE work_item_evidence_files (
    project  BIGINT NOT NULL,
    item     BIGINT NOT NULL,
    evidence BIGINT NOT NULL,
    asset    BYTEA  NOT NULL,
    version  BIGINT NOT NULL,
    PRIMARY KEY (project, item, evidence, asset, version),
    FOREIGN KEY (project, item, evidence) REFERENCES work_item_evidence (project, item, number)
);

CREATE TABLE work_item_authorisations ( -- a yes to exactly the versions that were attached then
    project       BIGINT NOT NULL,
    item          BIGINT NOT NULL,
    number        BIGINT NOT NULL,             -- 1, 2, 3 ... within the item; only the last one can be valid
    authoriser    TEXT   NOT NULL,             -- id
    authorised_by TEXT   NOT NULL,
    in_place      BIGINT NOT NULL,             -- 1: by someone else in the requester's place
    remark        TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    voided_at     BIGINT,                      -- NULL while it is valid
    PRIMARY KEY (project, item, number),
    FOREIGN KEY (project, item) REFERENCES work_items (project, number)
);

CREATE TABLE work_item_authorised_versions (
    project       BIGINT NOT NULL,
    item          BIGINT NOT NULL,
    authorisation BIGINT NOT NULL,
    asset         BYTEA  NOT NULL,
    version       BIGINT NOT NULL,
    PRIMARY KEY (project, item, authorisation, asset, version),
    FOREIGN KEY (project, item, authorisation) REFERENCES work_item_authorisations (project, item, number)
);

CREATE TABLE release_items ( -- the work items that a release is about
    project  BIGINT NOT NULL,
    release  BIGINT NOT NULL,
    item     BIGINT NOT NULL,
    added_by TEXT   NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (project, release, item),
    FOREIGN KEY (project, release) REFERENCES releases (project, number),
    FOREIGN KEY (project, item) REFERENCES work_items (project, number)
);
CREATE INDEX release_items_by_item ON release_items (project, item, release);

CREATE TABLE release_item_lines ( -- which lines of the release came with which item
    project BIGINT NOT NULL,
    release BIGINT NOT NULL,
    item    BIGINT NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,         -- of the line in `changes`
    asset   BYTEA  NOT NULL,
    version BIGINT NOT NULL,                   -- that the item asks for there
    audit   BIGINT NOT NULL,                   -- of the line as it was written; another one there: changed by hand since
    PRIMARY KEY (project, release, item, key),
    FOREIGN KEY (project, release, item) REFERENCES release_items (project, release, item)
);
CREATE INDEX release_item_lines_by_key ON release_item_lines (project, release, key);
