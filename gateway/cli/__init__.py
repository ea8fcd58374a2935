"""The labelgate command: one file per command group."""
