"""How each kind of store is opened from the settings, and what comes with it."""
