-- Telling others of events: webhooks, mail, and how long the outbox is kept. What moves here by itself (cursors, leases,
-- the log of deliveries) is no change in the audit's sense: an entry would be an event, to be delivered again.

CREATE INDEX events_by_project ON events (project, sequence);

CREATE TABLE outbox_floors ( -- what the outbox has forgotten
    project  TEXT   NOT NULL PRIMARY KEY,      -- name; empty for the whole service
    sequence BIGINT NOT NULL,                  -- events of the project up to here are gone
    trimmed  BIGINT NOT NULL                   -- how many that were
);

CREATE TABLE webhooks (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project          TEXT   NOT NULL,          -- name
    url              TEXT   NOT NULL,
    kinds            TEXT   NOT NULL,          -- JSON: patterns of event kinds
    description      TEXT   NOT NULL,
    is_enabled       BIGINT NOT NULL,
    disabled_reason  TEXT   NOT NULL,          -- why the service disabled it by itself; empty otherwise
    secret           TEXT   NOT NULL,          -- signing needs it as it is
    old_secret       TEXT,                     -- signs too, until
    old_secret_until BIGINT,
    created_at       BIGINT NOT NULL,
    revision         BIGINT NOT NULL           -- +1 per change
);
CREATE INDEX webhooks_by_project ON webhooks (project, id);

CREATE TABLE webhook_queues ( -- how far a webhook has got
    webhook     TEXT   NOT NULL PRIMARY KEY REFERENCES webhooks (id),
    cursor      BIGINT NOT NULL,               -- audit sequence: nothing up to here is to be delivered any more
    failures    BIGINT NOT NULL,               -- of the event after the cursor
    due_at      BIGINT NOT NULL,               -- it is not tried before
    dead_in_row BIGINT NOT NULL,               -- events that were given up since the last success
    lease_owner TEXT   NOT NULL,               -- who delivers now; empty for nobody
    lease_until BIGINT NOT NULL                -- then anyone may take over
);

CREATE TABLE webhook_deliveries ( -- the log: one event to one webhook
    webhook   TEXT   NOT NULL REFERENCES webhooks (id),
    sequence  BIGINT NOT NULL,                 -- of the event
    kind      TEXT   NOT NULL,
    state     TEXT   NOT NULL,                 -- pending, delivered or dead
    tries     BIGINT NOT NULL,
    at        BIGINT NOT NULL,                 -- of the last try, or when it was asked for
    is_queued BIGINT NOT NULL,                 -- 1: beside the queue, because somebody asked for it (a replay, a test)
    failures  BIGINT NOT NULL,                 -- since it was queued
    due_at    BIGINT NOT NULL,                 -- when it is queued: not before
    PRIMARY KEY (webhook, sequence)
);
CREATE INDEX webhook_deliveries_queued ON webhook_deliveries (webhook, due_at) WHERE is_queued = 1;
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (at);

CREATE TABLE webhook_attempts (
    webhook     TEXT   NOT NULL,
    sequence    BIGINT NOT NULL,
    number      BIGINT NOT NULL,               -- 1, 2, 3 ..., over replays too
    at          BIGINT NOT NULL,
    status      BIGINT,                        -- of the answer; NULL without one
    duration_ms BIGINT NOT NULL,
    answer      TEXT   NOT NULL,               -- start of the answer, or why there is none
    PRIMARY KEY (webhook, sequence, number),
    FOREIGN KEY (webhook, sequence) REFERENCES webhook_deliveries (webhook, sequence)
);

CREATE TABLE subscriptions ( -- what a person wants by mail
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_name  TEXT   NOT NULL REFERENCES users (name),
    project    TEXT   NOT NULL,                -- name
    interests  TEXT   NOT NULL,                -- JSON: patterns of event kinds, mentions, assigned
    timing     TEXT   NOT NULL,                -- JSON: at once, hourly, or daily at a time in a zone
    cursor     BIGINT NOT NULL,                -- audit sequence: events up to here have been put into mail
    due_at     BIGINT NOT NULL,                -- the next digest isn't written before
    created_at BIGINT NOT NULL
);
CREATE INDEX subscriptions_by_user ON subscriptions (user_name, id);
CREATE INDEX subscriptions_by_project ON subscriptions (project, cursor);

CREATE TABLE letters ( -- mail that has been written; sent at least once
    id            TEXT   NOT NULL PRIMARY KEY, -- the same for the same events to the same person: Message-ID
    user_name     TEXT   NOT NULL REFERENCES users (name),
    is_digest     BIGINT NOT NULL,
    events        TEXT   NOT NULL,             -- JSON: what it tells
    subscriptions TEXT   NOT NULL,             -- JSON: ids, which unsubscribing from it removes
    unsubscribe   TEXT   NOT NULL UNIQUE,      -- random: who knows it may unsubscribe
    state         TEXT   NOT NULL,             -- waiting, sent, dropped or dead
    tries         BIGINT NOT NULL,
    error         TEXT   NOT NULL,             -- of the last try
    created_at    BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,             -- not sent before
    lease_owner   TEXT   NOT NULL,             -- who sends now; empty for nobody
    lease_until   BIGINT NOT NULL              -- then anyone may take over
);
CREATE INDEX letters_waiting ON letters (due_at) WHERE state = 'waiting';
CREATE INDEX letters_by_time ON letters (created_at);
