"""What answers under `/-/`: health, metrics and the JSON API."""
