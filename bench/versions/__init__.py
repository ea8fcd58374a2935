"""What branches, tags, diffs and promotes cost, whatever is in a repo."""
