-- Planning releases: negotiated dates, the calendar's feed, saved searches, and what came in beside a release.

CREATE TABLE release_dates ( -- every target date that was proposed for a release
    project       BIGINT NOT NULL,
    release       BIGINT NOT NULL,
    number        BIGINT NOT NULL,             -- 1, 2, 3 ... within its release
    at            BIGINT NOT NULL,
    zone          TEXT   NOT NULL,             -- IANA time zone in which people mean it
    remark        TEXT   NOT NULL,
    proposer      TEXT   NOT NULL,             -- id of a person or token
    proposed_by   TEXT   NOT NULL,             -- what they were called
    is_planner    BIGINT NOT NULL,             -- 1: the proposer may plan releases
    proposed_at   BIGINT NOT NULL,
    reopens       BIGINT NOT NULL,             -- 1: another date had been agreed
    agreer        TEXT,                        -- NULL until it is agreed
    agreed_by     TEXT,
    agreed_at     BIGINT,
    agreed_remark TEXT,
    is_newest     BIGINT NOT NULL,             -- 1: no later proposal has taken its place
    PRIMARY KEY (project, release, number),
    FOREIGN KEY (project, release) REFERENCES releases (project, number)
);
CREATE INDEX release_dates_by_time ON release_dates (project, at, release) WHERE is_newest = 1;

CREATE TABLE calendar_keys ( -- what lets a calendar program read one project's calendar, and nothing else
    project    BIGINT NOT NULL PRIMARY KEY REFERENCES projects (number),
    hash       BYTEA  NOT NULL UNIQUE,         -- BLAKE3 of the secret, which is random and long
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE saved_searches ( -- named filters over the assets of a project
    project    BIGINT NOT NULL REFERENCES projects (number),
    name       TEXT COLLATE "C" NOT NULL,
    filter     TEXT   NOT NULL,                -- JSON
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    revision   BIGINT NOT NULL,                -- +1 per change
    PRIMARY KEY (project, name)
);

CREATE TABLE kept_lines ( -- where a person kept a release's line although what is served has changed beside it
    project     BIGINT NOT NULL,
    release     BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,     -- of the manifest
    theirs      TEXT   NOT NULL,               -- the value that was served then: another one must be looked at again
    audit       BIGINT NOT NULL,
    PRIMARY KEY (project, release, environment, key),
    FOREIGN KEY (project, release) REFERENCES releases (project, number)
);

-- Which releases change one key.
CREATE INDEX changes_by_key ON changes (project, key, release);
-- What an environment served when something happened.
CREATE INDEX deployments_by_audit ON deployments (project, environment, audit);
-- Audit sequence up to which the build knows what the environment that it tracks serves.
ALTER TABLE builds ADD COLUMN seen BIGINT NOT NULL DEFAULT 0;
