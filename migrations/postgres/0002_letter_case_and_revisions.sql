-- Finding paths that differ only in the case of letters, and a revision that guards a project's title.

ALTER TABLE assets ADD COLUMN folded TEXT COLLATE "C"; -- the path in lower case; NULL where that is the path itself
-- Letters beyond ASCII in paths from before are folded when their assets are moved.
UPDATE assets SET folded = lower(path) WHERE lower(path) <> path;
CREATE INDEX assets_by_folded ON assets (project, folded) WHERE folded IS NOT NULL;

ALTER TABLE projects ADD COLUMN revision BIGINT NOT NULL DEFAULT 1; -- +1 per change of the title
