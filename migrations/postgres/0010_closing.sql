-- The end of releases: notes for those whom they concern, what caused incidents, reviews.

CREATE TABLE notes_templates ( -- every revision of a project's template; the newest one holds
    project  BIGINT NOT NULL REFERENCES projects (number),
    revision BIGINT NOT NULL,                  -- 1, 2, 3 ... without gaps
    document TEXT   NOT NULL,                  -- JSON
    by_name  TEXT   NOT NULL,
    message  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (project, revision)
);

CREATE TABLE note_edits ( -- what people wrote in the place of generated notes; the newest revision holds
    project  BIGINT NOT NULL,
    release  BIGINT NOT NULL,
    audience TEXT   NOT NULL,
    revision BIGINT NOT NULL,                  -- 1, 2, 3 ... without gaps
    text     TEXT,                             -- Markdown; NULL: back to what is generated
    basis    BYTEA  NOT NULL,                  -- BLAKE3 of what was generated then
    by_name  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (project, release, audience, revision),
    FOREIGN KEY (project, release) REFERENCES releases (project, number)
);

CREATE TABLE published_notes ( -- never changed; publishing again adds a revision
    project  BIGINT NOT NULL,
    release  BIGINT NOT NULL,
    revision BIGINT NOT NULL,                  -- 1, 2, 3 ... of the release, without gaps
    audience TEXT   NOT NULL,
    text     TEXT   NOT NULL,                  -- Markdown
    edited   BIGINT NOT NULL,                  -- 1: a person wrote it
    message  TEXT   NOT NULL,
    by_name  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (project, release, revision, audience),
    FOREIGN KEY (project, release) REFERENCES releases (project, number)
);

CREATE TABLE closings ( -- how releases ended
    project BIGINT NOT NULL,
    release BIGINT NOT NULL,
    state   TEXT   NOT NULL,                   -- released or rolled_back: from which it was closed
    review  TEXT   NOT NULL,
    by_name TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (project, release),
    FOREIGN KEY (project, release) REFERENCES releases (project, number)
);

CREATE TABLE incident_causes ( -- the deployment that brought an incident about
    project     BIGINT NOT NULL,
    item        BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    deployment  BIGINT NOT NULL,               -- the environment's revision after it
    release     BIGINT NOT NULL,
    build       BIGINT NOT NULL,
    revision    BIGINT NOT NULL,               -- +1 per change
    by_name     TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (project, item),
    FOREIGN KEY (project, item) REFERENCES work_items (project, number)
);
CREATE INDEX incident_causes_by_release ON incident_causes (project, release, item);

CREATE INDEX deployments_by_replaced ON deployments (project, replaced_release) WHERE replaced_release IS NOT NULL;
