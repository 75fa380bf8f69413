-- What must hold before an environment serves another build: policies, approvals, waivers, locks, reports, checklists.

CREATE TABLE policies ( -- every revision of every policy; the newest one holds
    project     BIGINT NOT NULL REFERENCES projects (number),
    environment TEXT   NOT NULL,               -- empty for the whole project
    revision    BIGINT NOT NULL,               -- 1, 2, 3 ... without gaps
    document    TEXT   NOT NULL,               -- JSON
    by_name     TEXT   NOT NULL,
    message     TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (project, environment, revision)
);

CREATE TABLE approvals ( -- what people decided about a manifest; of each the last decision counts
    project     BIGINT NOT NULL,
    manifest    BYTEA   NOT NULL,               -- a build with another one has no approvals yet
    environment TEXT   NOT NULL,
    sequence    BIGINT NOT NULL,               -- the audit entry's
    release     BIGINT NOT NULL,
    build       BIGINT NOT NULL,
    by_id       TEXT   NOT NULL,
    by_name     TEXT   NOT NULL,
    role        TEXT   NOT NULL,               -- that they had then
    decision    TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (project, manifest, environment, sequence)
);
CREATE INDEX approvals_by_release ON approvals (project, release, sequence);

CREATE TABLE waivers ( -- exceptions with an end
    project     BIGINT NOT NULL,
    number      BIGINT NOT NULL,               -- the audit entry's sequence
    environment TEXT   NOT NULL,
    check_name  TEXT   NOT NULL,
    release     BIGINT,                        -- NULL: every release
    by_name     TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    revoked_at  BIGINT,
    PRIMARY KEY (project, number)
);
CREATE INDEX waivers_by_environment ON waivers (project, environment, ends_at);

CREATE TABLE locks ( -- freezes, holds and stops of environments, past and present
    project     BIGINT NOT NULL,
    number      BIGINT NOT NULL,               -- the audit entry's sequence
    environment TEXT   NOT NULL,
    kind        TEXT   NOT NULL,               -- freeze, hold or stop
    release     BIGINT,                        -- of a freeze: which release holds it, and on what build
    build       BIGINT,
    classes     TEXT   NOT NULL,               -- of a stop: what it binds, separated by spaces
    by_name     TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    since       BIGINT NOT NULL,
    until       BIGINT,                        -- when it is expected to end
    ended_at    BIGINT,
    ended_by    TEXT,
    ended_why   TEXT,
    PRIMARY KEY (project, number)
);
CREATE UNIQUE INDEX locks_present ON locks (project, environment, kind) WHERE ended_at IS NULL;
CREATE INDEX locks_by_environment ON locks (project, environment, number);
CREATE INDEX locks_by_release ON locks (project, release) WHERE release IS NOT NULL;

CREATE TABLE outside_reports ( -- what other systems say of a manifest; of each name the last report counts
    project  BIGINT NOT NULL,
    manifest BYTEA   NOT NULL,
    sequence BIGINT NOT NULL,                  -- the audit entry's
    release  BIGINT NOT NULL,
    build    BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    state    TEXT   NOT NULL,                  -- running, passed or failed
    summary  TEXT   NOT NULL,
    link     TEXT   NOT NULL,
    by_name  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (project, manifest, sequence)
);
CREATE INDEX outside_reports_by_release ON outside_reports (project, release, sequence);

CREATE TABLE checklist_items ( -- what releases have to confirm
    project    BIGINT NOT NULL,
    number     BIGINT NOT NULL,                -- 1, 2, 3 ... without gaps
    step       TEXT   NOT NULL,                -- an environment's name: before promotion there; or close
    text       TEXT   NOT NULL,
    selector   TEXT   NOT NULL,                -- JSON: which releases have to answer
    origin     BIGINT,                         -- the release whose lesson it is
    by_name    TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    retired_at BIGINT,
    PRIMARY KEY (project, number)
);

CREATE TABLE checklist_answers (
    project  BIGINT NOT NULL,
    release  BIGINT NOT NULL,
    item     BIGINT NOT NULL,
    answer   TEXT   NOT NULL,                  -- confirmed or not_applicable
    remark   TEXT   NOT NULL,
    by_name  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (project, release, item)
);

CREATE TABLE reviews ( -- owed for each time that the glass was broken
    project     BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    revision    BIGINT NOT NULL,               -- of the deployment
    release     BIGINT NOT NULL,
    by_id       TEXT   NOT NULL,               -- who broke it
    by_name     TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    reviewed_by TEXT,
    reviewed_at BIGINT,
    review      TEXT,
    PRIMARY KEY (project, environment, revision)
);
CREATE INDEX reviews_owed ON reviews (project, release) WHERE reviewed_at IS NULL;

ALTER TABLE deployments ADD COLUMN class TEXT NOT NULL DEFAULT 'regular';
ALTER TABLE deployments ADD COLUMN cause TEXT NOT NULL DEFAULT 'person';  -- person, schedule, automation, verification
ALTER TABLE deployments ADD COLUMN checks TEXT NOT NULL DEFAULT '[]';     -- JSON: what the gate said
CREATE INDEX deployments_by_manifest ON deployments (project, environment, manifest);
ALTER TABLE projects ADD COLUMN last_checklist_item BIGINT NOT NULL DEFAULT 0;
