"""What keeps repos. Nothing imports a store but the composition root."""
