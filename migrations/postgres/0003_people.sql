-- People, what they are to projects, and tokens that speak for them.

CREATE TABLE users (
    name        TEXT   NOT NULL PRIMARY KEY,   -- as it is mentioned: @anna without the @
    title       TEXT   NOT NULL,               -- what people call them
    email       TEXT,
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT,                        -- NULL while they may act
    revision    BIGINT NOT NULL                -- +1 per change
);

CREATE TABLE members ( -- the role of a person in a project
    user_name TEXT NOT NULL REFERENCES users (name),
    project   TEXT NOT NULL,                   -- name; empty for every project
    role      TEXT NOT NULL,
    PRIMARY KEY (project, user_name)
);
CREATE INDEX members_by_user ON members (user_name);

ALTER TABLE tokens ADD COLUMN user_name TEXT;  -- whom it speaks for; NULL for a machine's own
-- What happened to one thing, such as a work item or a release.
CREATE INDEX audit_by_subject ON audit (project, subject, sequence);

ALTER TABLE releases ADD COLUMN kind TEXT NOT NULL DEFAULT 'regular';
ALTER TABLE releases ADD COLUMN manager TEXT;                   -- a person
ALTER TABLE releases ADD COLUMN creator TEXT NOT NULL DEFAULT ''; -- id of whoever made it
ALTER TABLE builds ADD COLUMN builder TEXT NOT NULL DEFAULT '';   -- id of whoever made it
ALTER TABLE builds ADD COLUMN tracks TEXT;                        -- environment that served the base
