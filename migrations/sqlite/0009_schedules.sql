-- What environments do by themselves: scheduled and automatic promotions, and verification after each move.

CREATE TABLE schedules ( -- promotions for an instant to come, and what became of them
    project      BIGINT NOT NULL REFERENCES projects (number),
    number       BIGINT NOT NULL,              -- the audit entry's sequence
    environment  TEXT   NOT NULL,
    release      BIGINT NOT NULL,
    build        BIGINT NOT NULL,
    at           BIGINT NOT NULL,              -- never before
    zone         TEXT,                         -- in which it was said; NULL when an offset was
    deadline     BIGINT NOT NULL,              -- after it the schedule lapses
    reason       TEXT   NOT NULL,
    by_id        TEXT   NOT NULL,              -- in whose name it is carried out
    by_name      TEXT   NOT NULL,
    grants       TEXT   NOT NULL,              -- JSON: what they could do then; when it is due they can do no more
    created_at   BIGINT NOT NULL,
    revision     BIGINT NOT NULL,              -- +1 whenever people see something else
    state        TEXT   NOT NULL,              -- pending, done, lapsed, failed or cancelled
    ended_at     BIGINT,
    ended_by     TEXT,
    ended_why    TEXT,
    deployment   BIGINT,                       -- when done: the environment's revision by which it serves the build
    refusal      TEXT   NOT NULL,              -- JSON: the checks that stood in the way at the last try
    refused_at   BIGINT,                       -- when they last became others
    next_at      BIGINT NOT NULL,              -- when it is tried next
    seen         BIGINT NOT NULL,              -- how far the audit trail was at the last try: what came later may help
    leased_until BIGINT NOT NULL,              -- until then one process is at it; 0: none
    PRIMARY KEY (project, number)
) WITHOUT ROWID;
CREATE INDEX schedules_pending ON schedules (at) WHERE state = 'pending';

CREATE TABLE automations ( -- what automation made of each deployment of the environment that it promotes from
    project          BIGINT NOT NULL REFERENCES projects (number),
    environment      TEXT   NOT NULL,          -- that it promotes to
    source           TEXT   NOT NULL,          -- that it promotes from
    source_revision  BIGINT NOT NULL,          -- of the deployment there
    deployment       BIGINT,                   -- the revision that it made; NULL while it has made none
    refusal          TEXT   NOT NULL,          -- JSON: the checks that stood in the way at the last try
    refused_at       BIGINT,                   -- when they last became others
    PRIMARY KEY (project, environment, source, source_revision)
) WITHOUT ROWID;

CREATE TABLE verifications ( -- one for each deployment into an environment whose policy asks for it
    project      BIGINT NOT NULL REFERENCES projects (number),
    environment  TEXT   NOT NULL,
    revision     BIGINT NOT NULL,              -- of the deployment
    kind         TEXT   NOT NULL,              -- promotion or rollback
    release      BIGINT NOT NULL,
    build        BIGINT NOT NULL,
    manifest     BLOB   NOT NULL,
    before       BLOB,                         -- the manifest that was served before; NULL for the first deployment
    rule         TEXT   NOT NULL,              -- JSON: what the policy asked for
    run          BIGINT NOT NULL,              -- 1, and +1 each time that someone asks again
    state        TEXT   NOT NULL,              -- pending, passed, failed, rolling_back, rolled_back or superseded
    why          TEXT   NOT NULL,              -- a sentence on how it ended; empty before
    items        TEXT   NOT NULL,              -- JSON: each item with its last outcome
    begun_at     BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL,              -- what has not become right by then has failed
    finished_at  BIGINT,
    rolled_back  BIGINT,                       -- the revision of the rollback that it led to
    next_at      BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,              -- until then one process is at it; 0: none
    PRIMARY KEY (project, environment, revision)
) WITHOUT ROWID;
CREATE INDEX verifications_open ON verifications (next_at) WHERE state IN ('pending', 'rolling_back');
