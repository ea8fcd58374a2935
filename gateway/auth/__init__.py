"""Who asks, and what they may do: keys, signatures, grants."""
