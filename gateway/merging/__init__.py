"""Changes that come from history: promote, revert and restore."""
