-- What assets refer to. What was found in contents is derived: all of it but the declarations can be thrown away, and
-- is found again. Nothing here keeps bytes or rows of elsewhere alive.

CREATE TABLE examined_contents ( -- contents that have been read for references
    content   BYTEA  NOT NULL,
    format    TEXT   NOT NULL,                 -- how they were read: svg, html, css, markdown or json
    extractor BIGINT NOT NULL,                 -- by which extractor; an older one's findings are found anew
    PRIMARY KEY (content, format)
);

CREATE TABLE found_references ( -- as they are written there, in order
    content  BYTEA  NOT NULL,
    format   TEXT   NOT NULL,
    position BIGINT NOT NULL,                  -- 0, 1, 2 ...
    written  TEXT   NOT NULL,
    base     TEXT   NOT NULL,                  -- the document's own base of relative references; empty for none
    possible BIGINT NOT NULL,                  -- 1: counts only where it leads to an asset
    PRIMARY KEY (content, format, position)
);

CREATE TABLE reference_places ( -- contents with references, where they are or have been in a project
    id        BYTEA  NOT NULL PRIMARY KEY,     -- from a hash of project, path, content and format
    project   BIGINT NOT NULL,
    path      TEXT COLLATE "C" NOT NULL,
    content   BYTEA  NOT NULL,
    format    TEXT   NOT NULL,
    extractor BIGINT NOT NULL
);
CREATE INDEX reference_places_by_content ON reference_places (content);

CREATE TABLE reference_targets ( -- to which paths the content leads from that place
    place    BYTEA  NOT NULL,
    target   TEXT COLLATE "C" NOT NULL,
    project  BIGINT NOT NULL,
    source   TEXT COLLATE "C" NOT NULL,                -- the place's path
    possible BIGINT NOT NULL,
    PRIMARY KEY (place, target)
);
CREATE INDEX reference_targets_by_target ON reference_targets (project, target, source);

CREATE TABLE examined_manifests ( -- manifests all of whose pins have places here
    project   BIGINT NOT NULL,
    manifest  BYTEA  NOT NULL,
    extractor BIGINT NOT NULL,
    PRIMARY KEY (project, manifest)
);

CREATE TABLE references_pending ( -- assets whose latest version is to be examined where it is
    asset    BYTEA  NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL                   -- of the change; a later one must be examined again
);
INSERT INTO references_pending (asset, sequence)
    SELECT s.id, 0 FROM assets s JOIN versions v ON v.asset = s.id AND v.number = s.latest
    WHERE s.deleted_at IS NULL AND (v.media_type IN ('image/svg+xml', 'text/html', 'application/xhtml+xml', 'text/css',
        'text/markdown', 'text/x-markdown', 'application/json', 'text/json') OR v.media_type LIKE '%+json');

CREATE TABLE reference_extractor ( -- one row: the extractor whose findings have been asked for last
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    extractor BIGINT NOT NULL
);
INSERT INTO reference_extractor (id, extractor) VALUES (1, 1);

CREATE TABLE declarations ( -- assets that people have said needs of
    asset    BYTEA  NOT NULL PRIMARY KEY REFERENCES assets (id),
    revision BIGINT NOT NULL,                  -- +1 per change
    audit    BIGINT NOT NULL
);

CREATE TABLE declared_references ( -- what an asset needs, though its bytes don't say so
    asset        BYTEA  NOT NULL REFERENCES declarations (asset),
    position     BIGINT NOT NULL,              -- 0, 1, 2 ...
    project      BIGINT NOT NULL,
    kind         TEXT   NOT NULL,              -- in the words of who declared it, such as font
    target_path  TEXT COLLATE "C",                        -- either a path
    target_asset BYTEA,                         -- or an asset, wherever it is
    PRIMARY KEY (asset, position)
);
CREATE INDEX declared_references_by_path ON declared_references (project, target_path) WHERE target_path IS NOT NULL;
CREATE INDEX declared_references_by_asset ON declared_references (target_asset) WHERE target_asset IS NOT NULL;
