"""The embedded store: one SQLite file and content-addressed blobs in one directory."""
