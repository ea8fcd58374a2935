"""History in SQLite: lines of commits, and whole states of them. What two stores share."""
