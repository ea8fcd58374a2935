"""The domain: names, the model of a versioned repository, and the protocol every store fills."""
