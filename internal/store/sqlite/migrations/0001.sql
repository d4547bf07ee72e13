-- Bodies are JSON. Columns beside a body repeat what is searched by; the body is what counts.
-- Times are UTC text of fixed width, so that they sort.

CREATE TABLE requests (
  deployment TEXT PRIMARY KEY,
  body       TEXT NOT NULL
) STRICT;

CREATE TABLE records (
  deployment  TEXT PRIMARY KEY,
  service     TEXT NOT NULL,
  environment TEXT NOT NULL,
  finished    INTEGER NOT NULL,
  requested   TEXT NOT NULL,
  body        TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_time ON records (requested, deployment);

-- person is the folded name: the primary key is the rule "one decision each".
-- number counts a deployment's decisions in the order in which they were taken in.
CREATE TABLE decisions (
  deployment TEXT NOT NULL,
  person     TEXT NOT NULL,
  number     INTEGER NOT NULL,
  body       TEXT NOT NULL,
  PRIMARY KEY (deployment, person),
  UNIQUE (deployment, number)
) STRICT;

-- AUTOINCREMENT: a place that was left is never given again.
CREATE TABLE tickets (
  place      INTEGER PRIMARY KEY AUTOINCREMENT,
  stack      TEXT NOT NULL,
  deployment TEXT NOT NULL,
  body       TEXT NOT NULL,
  UNIQUE (stack, deployment)
) STRICT;
CREATE INDEX tickets_by_stack ON tickets (stack, place);

CREATE TABLE waiters (
  deployment TEXT NOT NULL,
  purpose    TEXT NOT NULL,
  stack      TEXT NOT NULL,
  since      TEXT NOT NULL,
  body       TEXT NOT NULL,
  PRIMARY KEY (deployment, purpose)
) STRICT;
CREATE INDEX waiters_by_purpose ON waiters (purpose, since, deployment);
CREATE INDEX waiters_by_stack ON waiters (stack, since, deployment) WHERE stack <> '';

CREATE TABLE documents (
  key     TEXT PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;

-- hash is the SHA-256 of the token: nothing reads a token back.
CREATE TABLE tokens (
  hash   TEXT PRIMARY KEY,
  issued TEXT NOT NULL,
  answer TEXT
) STRICT;

CREATE TABLE blobs (
  name    TEXT PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;

CREATE TABLE events (
  deployment TEXT NOT NULL,
  seq        INTEGER NOT NULL,
  time       TEXT NOT NULL,
  type       TEXT NOT NULL,
  body       TEXT,
  PRIMARY KEY (deployment, seq)
) STRICT;
