-- A claim binds what a caller calls a request to the deployment that was made of it: the first one stays.
CREATE TABLE claims (
  key        TEXT PRIMARY KEY,
  deployment TEXT NOT NULL
) STRICT;
