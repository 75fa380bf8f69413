-- The catalog: everything that is mutable, and where immutable bytes are.
-- Times are microseconds since 1970 in UTC; flags are 0 or 1; hashes and ids are bytes. The folder for the other
-- database has the same tables under the same numbers.

CREATE TABLE audit_head ( -- one row; taken first by every change, so that changes happen one after the other
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,                  -- of the last entry; 0 for none
    hash     BYTEA   NOT NULL                   -- of the last entry; 32 zero bytes for none
);
INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit ( -- who did what when; each entry carries the hash of the one before
    sequence   BIGINT NOT NULL PRIMARY KEY,    -- 1, 2, 3 ... without gaps
    at         BIGINT NOT NULL,
    actor      TEXT   NOT NULL,                -- id of a token or user
    actor_name TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    project    TEXT   NOT NULL,                -- name; empty for the whole service
    subject    TEXT   NOT NULL,
    message    TEXT   NOT NULL,
    details    TEXT   NOT NULL,                -- JSON
    previous   BYTEA   NOT NULL,
    hash       BYTEA   NOT NULL
);
CREATE INDEX audit_by_project ON audit (project, sequence);

CREATE TABLE events ( -- the outbox: what happened, for whoever wants to be told
    sequence BIGINT NOT NULL PRIMARY KEY,      -- the audit entry's
    project  TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    payload  TEXT   NOT NULL,                  -- JSON
    at       BIGINT NOT NULL
);

CREATE TABLE tokens ( -- credentials of machines; the secret itself is never stored
    id          TEXT   NOT NULL PRIMARY KEY,
    hash        BYTEA   NOT NULL UNIQUE,        -- BLAKE3 of the secret, which is random and long
    name        TEXT   NOT NULL,
    role        TEXT   NOT NULL,
    project     TEXT,                          -- NULL: every project
    environment TEXT,                          -- NULL: every environment
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    revoked_at  BIGINT
);

CREATE TABLE idempotency_keys ( -- what a repeated request gets instead of a second effect
    principal   TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    fingerprint BYTEA   NOT NULL,               -- of what was asked: the same key for something else is refused
    outcome     TEXT   NOT NULL,               -- JSON
    at          BIGINT NOT NULL,
    PRIMARY KEY (principal, key)
);

CREATE TABLE projects (
    number         BIGINT NOT NULL PRIMARY KEY,
    name           TEXT   NOT NULL UNIQUE,
    title          TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    asset_revision BIGINT NOT NULL,            -- audit sequence of the last change of any asset
    last_release   BIGINT NOT NULL,            -- number of the newest release; 0 for none
    last_work_item BIGINT NOT NULL,
    dictionary     BYTEA                        -- chunk of the dictionary for small contents; NULL until one is trained
);

CREATE TABLE environments ( -- the only row that a promotion changes
    project     BIGINT NOT NULL REFERENCES projects (number),
    name        TEXT   NOT NULL,
    position    BIGINT NOT NULL,               -- order in the project; the last one is final
    visibility  TEXT   NOT NULL,               -- of what no access rule covers
    release     BIGINT,                        -- NULL until the first promotion
    build       BIGINT,
    manifest    BYTEA,
    revision    BIGINT NOT NULL,               -- +1 per deployment; guards against concurrent writers
    deployed_at BIGINT,
    changed     BIGINT NOT NULL,               -- audit sequence of the row's last change; other processes poll it
    PRIMARY KEY (project, name)
);
CREATE INDEX environments_by_change ON environments (changed);

CREATE TABLE assets (
    id         BYTEA   NOT NULL PRIMARY KEY,    -- UUID version 7
    project    BIGINT NOT NULL REFERENCES projects (number),
    path       TEXT COLLATE "C" NOT NULL,
    latest     BIGINT NOT NULL,                -- number of the newest version
    deleted_at BIGINT                          -- NULL while it is there
);
CREATE UNIQUE INDEX assets_by_path ON assets (project, path) WHERE deleted_at IS NULL;
CREATE INDEX assets_deleted ON assets (project, path, deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE versions ( -- immutable states of an asset; who, when and why stand in the audit entry
    asset         BYTEA   NOT NULL REFERENCES assets (id),
    number        BIGINT NOT NULL,             -- 1, 2, 3 ... without gaps
    content       BYTEA   NOT NULL,
    size_bytes    BIGINT NOT NULL,
    media_type    TEXT   NOT NULL,
    width         BIGINT,                      -- pixels
    height        BIGINT,
    metadata      TEXT   NOT NULL,             -- JSON; empty for none
    reverted_from BIGINT,                      -- number of the version that a revert brought back
    audit         BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (asset, number)
);
CREATE INDEX versions_by_content ON versions (content);

CREATE TABLE packs ( -- objects in the store
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         BYTEA   NOT NULL UNIQUE,
    bytes      BIGINT NOT NULL,
    state      TEXT   NOT NULL,                -- writing: named before it is stored; live; deleting
    upload     BYTEA,                           -- the upload that wrote it, if its chunks were provisional at first
    held_until BIGINT NOT NULL                 -- while writing or deleting: the collector leaves it alone until then
);
CREATE INDEX packs_by_upload ON packs (upload) WHERE upload IS NOT NULL;
CREATE INDEX packs_not_live ON packs (state) WHERE state <> 'live';

CREATE TABLE chunks ( -- where each chunk is
    id            BYTEA   NOT NULL PRIMARY KEY,
    pack          BIGINT NOT NULL,
    start         BIGINT NOT NULL,             -- of the stored bytes in the pack
    stored_length BIGINT NOT NULL,
    length        BIGINT NOT NULL,
    encoding      BIGINT NOT NULL,
    reference     BYTEA,                        -- the chunk that decoding needs
    depth         BIGINT NOT NULL,             -- how many references stand behind it
    held_until    BIGINT NOT NULL              -- 0: something refers to it; else an upload is under way until then
);
CREATE INDEX chunks_by_pack ON chunks (pack);
CREATE INDEX chunks_held ON chunks (held_until) WHERE held_until > 0;

CREATE TABLE contents ( -- contents of more than one chunk; a content of one chunk has that chunk's name
    id         BYTEA   NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    segments   BIGINT NOT NULL
);

CREATE TABLE segments ( -- parts of a content's chunk list
    owner    BYTEA   NOT NULL,                  -- a content, or an upload under way
    position BIGINT NOT NULL,                  -- 0, 1, 2 ...
    start    BIGINT NOT NULL,                  -- offset of its first byte in the content
    list     BYTEA   NOT NULL,
    PRIMARY KEY (owner, position)
);

CREATE TABLE releases (
    project     BIGINT NOT NULL REFERENCES projects (number),
    number      BIGINT NOT NULL,               -- 1, 2, 3 ... without gaps: R-1, R-2, R-3
    title       TEXT   NOT NULL,
    description TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    created_by  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    last_build  BIGINT NOT NULL,               -- number of the newest build; 0 for none
    revision    BIGINT NOT NULL,               -- +1 per change of this row
    PRIMARY KEY (project, number)
);

CREATE TABLE changes ( -- what a release changes; one line per key
    project    BIGINT NOT NULL,
    release    BIGINT NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,             -- of the manifest
    kind       TEXT   NOT NULL,                -- pin, set or remove
    asset      BYTEA,
    version    BIGINT,
    value      TEXT,                           -- JSON of a parameter or access rule
    audit      BIGINT NOT NULL,
    PRIMARY KEY (project, release, key),
    FOREIGN KEY (project, release) REFERENCES releases (project, number)
);
CREATE INDEX changes_by_asset ON changes (asset) WHERE asset IS NOT NULL;

CREATE TABLE builds ( -- immutable outcomes
    project      BIGINT NOT NULL,
    release      BIGINT NOT NULL,
    number       BIGINT NOT NULL,
    manifest     BYTEA   NOT NULL,
    base_release BIGINT,                       -- NULL: built on nothing
    base_build   BIGINT,
    pins         BIGINT NOT NULL,
    size_bytes   BIGINT NOT NULL,              -- of all pinned contents
    created_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (project, release, number),
    FOREIGN KEY (project, release) REFERENCES releases (project, number)
);

CREATE TABLE deployments ( -- every move of an environment's pointer
    project          BIGINT NOT NULL,
    environment      TEXT   NOT NULL,
    revision         BIGINT NOT NULL,
    kind             TEXT   NOT NULL,
    release          BIGINT NOT NULL,
    build            BIGINT NOT NULL,
    manifest         BYTEA   NOT NULL,
    replaced_release BIGINT,
    replaced_build   BIGINT,
    reason           TEXT   NOT NULL,
    actor_name       TEXT   NOT NULL,
    audit            BIGINT NOT NULL,
    at               BIGINT NOT NULL,
    PRIMARY KEY (project, environment, revision),
    FOREIGN KEY (project, environment) REFERENCES environments (project, name)
);
CREATE INDEX deployments_by_build ON deployments (project, release, build);
