"""When a branch gained this much: do that. Decided once for each commit, done at least once."""
