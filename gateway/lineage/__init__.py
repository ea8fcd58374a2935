"""What each write was derived from, by whom, and how sure that is."""
