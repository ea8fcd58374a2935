"""What lineage costs a write, and how fast its index answers, at many records."""
